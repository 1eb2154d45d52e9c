// The two kinds of number that tensors here are made of, as float32 and back; and a power that loops can have in vectors.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

struct bf16 {
    uint16_t bits;
};

static inline float number(float x) { return x; }

static inline float number(bf16 x) {
    uint32_t bits = uint32_t(x.bits) << 16;
    float number;
    std::memcpy(&number, &bits, 4);
    return number;
}

static inline void store(float* to, float x) { *to = x; }

static inline void store(bf16* to, float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    bool nan = (bits & 0x7fffffff) > 0x7f800000;
    to->bits = nan ? 0x7fc0 : uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // to the nearest, ties to even
}

// e to the x for x <= 0, to one part in 10^7; not a number for what is none. Cody and Waite's reduction to [-ln 2 / 2,
// ln 2 / 2], and Taylor's series there.
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    float whole = std::nearbyint(x * 1.44269504f);
    float rest = x - whole * 0.693145752f - whole * 1.42860677e-6f;
    float power = 1.0f / 720;
    power = power * rest + 1.0f / 120;
    power = power * rest + 1.0f / 24;
    power = power * rest + 1.0f / 6;
    power = power * rest + 0.5f;
    power = power * rest + 1.0f;
    power = power * rest + 1.0f;
    int32_t bits = (int32_t(whole) + 127) << 23;
    float scale;
    std::memcpy(&scale, &bits, 4);
    return power * scale;
}
