// Matrix products of bfloat16 in the tiles of AMX, of which each row comes out the same whatever other rows stand beside
// it: its sums are made in float32 in the order of the features. A library chooses that order by the number of rows.
//
// Weights are laid out once: of 32 columns each, and of those 32 features each, two tiles of 16 columns, in which two
// features stand side by side (Intel's Optimization Reference Manual, "Intel AMX", has the layout). Columns that are
// wanting are zeros.

#pragma once

#include "number.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#if defined(__AMX_BF16__) && defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__linux__)
#define TILES 1
#include <immintrin.h>
#include <omp.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static const int64_t TILE = 16;          // rows of a tile, and pairs of numbers of each
static const int64_t BLOCK = 32;         // rows, columns and features that are multiplied at a time: two tiles by two
static const int64_t BLOCK_SIZE = BLOCK * BLOCK;
static const int64_t PANEL = 256;        // rows that stay near while the weights go by

#ifdef TILES

// Whether the kernel lets this process use them; it asks to be asked.
static bool tiles_allowed() {
    const long ask_for_state = 0x1023, of_tiles = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    static const bool allowed = syscall(SYS_arch_prctl, ask_for_state, of_tiles) == 0;
    return allowed;
}

// `weight`: [width, features]; to: [blocks, features / 32, 2, 16, 16, 2].
static void lay_weight(const bf16* weight, bf16* to, int64_t width, int64_t features) {
    for (int64_t begin = 0; begin < width; begin += BLOCK)
        for (int64_t feature = 0; feature < features; feature += BLOCK)
            for (int64_t half = 0; half < BLOCK; half += TILE)
                for (int64_t pair = 0; pair < BLOCK; pair += 2)
                    for (int64_t column = begin + half; column < begin + half + TILE; column++)
                        for (int64_t of_pair = 0; of_pair < 2; of_pair++)
                            *to++ = column < width ? weight[column * features + feature + pair + of_pair] : bf16{0};
}

// At most 16 rows, in tiles of 16 rows by 32 features.
static void lay_rows(const bf16* rows, bf16* to, int64_t count, int64_t features) {
    for (int64_t row = 0; row < count; row++, rows += features)
        for (int64_t feature = 0; feature < features; feature += BLOCK)
            _mm512_storeu_si512(to + row * BLOCK + feature * TILE, _mm512_loadu_si512(rows + feature));
}

// How many rows of the first and second tile there are; the second is not used where it has none.
static void set_tiles(int64_t rows) {
    struct alignas(64) {
        uint8_t palette = 1, start = 0, reserved[14] = {};
        uint16_t bytes[16] = {};
        uint8_t rows[16] = {};
    } config;
    uint8_t first = uint8_t(std::min(rows, TILE)), second = uint8_t(std::max<int64_t>(rows - TILE, 1));
    for (int tile : {0, 1, 4}) config.rows[tile] = first;
    for (int tile : {2, 3, 5}) config.rows[tile] = second;
    for (int tile : {6, 7}) config.rows[tile] = TILE;
    for (int tile = 0; tile < 8; tile++) config.bytes[tile] = 64;
    _tile_loadconfig(&config);
}

// `rows` and `weight` as they are laid out; `sums`: [32, 32]. `fetching`: the next 32 columns' weights are fetched meanwhile.
template <bool two, bool fetching>
static inline void multiply_block(const bf16* rows, const bf16* weight, float* sums, int64_t features) {
    const bf16* next = rows + TILE * features;
    _tile_zero(0);
    _tile_zero(1);
    if (two) {
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t feature = 0; feature < features; feature += BLOCK) {
        _tile_loadd(4, rows + feature * TILE, 64);
        _tile_loadd(6, weight + feature * BLOCK, 64);
        _tile_loadd(7, weight + feature * BLOCK + BLOCK_SIZE / 2, 64);
        if (two) _tile_loadd(5, next + feature * TILE, 64);
        if (fetching)
            for (int64_t line = 0; line < BLOCK; line++)
                _mm_prefetch(weight + (features + feature + line) * BLOCK, _MM_HINT_T1);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        if (two) {
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    const int64_t stride = BLOCK * sizeof(float);
    _tile_stored(0, sums, stride);
    _tile_stored(1, sums + TILE, stride);
    if (two) {
        _tile_stored(2, sums + BLOCK_SIZE / 2, stride);
        _tile_stored(3, sums + BLOCK_SIZE / 2 + TILE, stride);
    }
}

static inline __m512 wide(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// `columns`: how many of the 32 there are; `bias`: of the first of them, or null.
static void store_block(const float* sums, const bf16* bias, bf16* out, int64_t rows, int64_t width, int64_t columns) {
    const __mmask32 there = columns >= BLOCK ? 0xffffffffu : (1u << columns) - 1;
    __m512 first = _mm512_setzero_ps(), second = first;
    if (bias != nullptr) {
        __m512i both = _mm512_maskz_loadu_epi16(there, bias);
        first = wide(_mm512_castsi512_si256(both));
        second = wide(_mm512_extracti64x4_epi64(both, 1));
    }
    for (int64_t row = 0; row < rows; row++, sums += BLOCK, out += width) {
        __m512 low = _mm512_loadu_ps(sums), high = _mm512_loadu_ps(sums + TILE);
        if (bias != nullptr) {
            low = _mm512_add_ps(low, first);
            high = _mm512_add_ps(high, second);
        }
        _mm512_mask_storeu_epi16(out, there, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
}

// `rows`: [count, features]; `weight` as `lay_weight` makes it; `out`: [count, width].
static void multiply(const bf16* rows, const bf16* weight, const bf16* bias, bf16* out, int64_t count,
                     int64_t features, int64_t width) {
    static thread_local std::vector<bf16> room;
    const int64_t blocks = (width + BLOCK - 1) / BLOCK, tiles = (count + TILE - 1) / TILE;
    room.resize(std::max(room.size(), size_t(tiles * TILE * features + BLOCK)));
    bf16* laid = reinterpret_cast<bf16*>((uintptr_t(room.data()) + 63) / 64 * 64);
#pragma omp parallel
    {
        alignas(64) float sums[BLOCK_SIZE];
        const int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
        const int64_t begin = blocks * thread / threads, end = blocks * (thread + 1) / threads;
#pragma omp for schedule(static)
        for (int64_t tile = 0; tile < tiles; tile++) {
            const int64_t at = tile * TILE * features;
            lay_rows(rows + at, laid + at, std::min(TILE, count - tile * TILE), features);
        }
        int64_t set = 0;
        for (int64_t top = 0; top < count; top += PANEL) {
            const int64_t high = std::min(PANEL, count - top);
            for (int64_t block = begin; block < end; block++) {
                const int64_t column = block * BLOCK;
                for (int64_t row = top; row < top + high; row += BLOCK) {
                    const int64_t some = std::min(BLOCK, top + high - row);
                    if (some != set) set_tiles(set = some);
                    const bool fetching = row + BLOCK >= top + high && block + 1 < end;
                    auto made = some > TILE ? (fetching ? multiply_block<true, true> : multiply_block<true, false>)
                                            : (fetching ? multiply_block<false, true> : multiply_block<false, false>);
                    made(laid + row * features, weight + column * features, sums, features);
                    store_block(sums, bias == nullptr ? nullptr : bias + column, out + row * width + column, some,
                                width, width - column);
                }
            }
        }
        _tile_release();
    }
}

#else

static bool tiles_allowed() { return false; }
static void lay_weight(const bf16*, bf16*, int64_t, int64_t) {}
static void multiply(const bf16*, const bf16*, const bf16*, bf16*, int64_t, int64_t, int64_t) {}

#endif
