// What operators see of a tensor: where its rows begin, and of which kind of number they are.

#pragma once

#include "number.h"

#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <cstdint>

// Of a tensor of any shape; a part of each of another's rows is taken as it stands.
struct Rows {
    torch::stable::Tensor kept;
    int64_t count, width, step;

    explicit Rows(const torch::stable::Tensor& given) : kept(given), width(given.size(given.dim() - 1)) {
        count = given.numel() / width;
        step = 0;
        int64_t reach = 0;
        bool even = given.stride(given.dim() - 1) == 1;
        for (int64_t dim = given.dim() - 2; dim >= 0; dim--) {
            if (given.size(dim) == 1) continue;
            if (step == 0) {
                step = given.stride(dim);
                even = even && step > 0;
            } else {
                even = even && given.stride(dim) == reach;
            }
            reach = given.stride(dim) * given.size(dim);
        }
        if (!even) kept = torch::stable::contiguous(given);
        if (!even || step == 0) step = width;
    }

    template <typename T>
    const T* begin() const {
        return static_cast<const T*>(kept.const_data_ptr());
    }
};

// `call` with a number of the kind that the rows have.
template <typename F>
static void by_kind(const torch::stable::Tensor& rows, F call) {
    if (rows.scalar_type() == torch::headeronly::ScalarType::Float) {
        call(float());
    } else {
        STD_TORCH_CHECK(rows.scalar_type() == torch::headeronly::ScalarType::BFloat16, "neither float32 nor bfloat16");
        call(bf16());
    }
}
