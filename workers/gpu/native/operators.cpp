// Operators of torch.ops.mainspring on the CPU, over torch's stable ABI. Their schemas and what they do elsewhere are
// defined in Python. They find weights and caches by a number, since a compiled pass may be another process's work.

#include "attention.h"
#include "joined.h"
#include "likeliest.h"
#include "rows.h"
#include "tiles.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// torch/csrc/inductor/aoti_torch/c/shim_cpu.h, which does not let itself be included here.
extern "C" AOTITorchError aoti_torch_cpu__linear_pointwise(AtenTensorHandle rows, AtenTensorHandle weight,
                                                           AtenTensorHandle* bias, const char* then,
                                                           const double** scalars, int64_t scalars_length,
                                                           const char** algorithm, AtenTensorHandle* made);

namespace {

// What is known by a number, until it is dropped; whoever is using it then keeps it until the end of the call.
template <typename Number, typename T>
class Known {
   public:
    void keep(Number number, T one) {
        std::unique_lock lock(mutex_);
        known_[number] = std::make_shared<const T>(std::move(one));
    }

    void drop(Number number) {
        std::shared_ptr<const T> dropped;  // freed after the lock, since that may want the interpreter's
        std::unique_lock lock(mutex_);
        auto found = known_.find(number);
        if (found == known_.end()) return;
        dropped = std::move(found->second);
        known_.erase(found);
    }

    std::shared_ptr<const T> find(Number number) const {
        std::shared_lock lock(mutex_);
        auto found = known_.find(number);
        STD_TORCH_CHECK(found != known_.end(), "nothing of that number is known");
        return found->second;
    }

   private:
    mutable std::shared_mutex mutex_;
    std::map<Number, std::shared_ptr<const T>> known_;
};

// `tiled`: `packed` is laid out for `multiply`, else as oneDNN has it.
struct Product {
    Tensor packed;
    std::optional<Tensor> bias;
    int64_t width;
    bool tiled;
    int64_t few, round;
};

struct Layer {
    Tensor keys, values;
};

Known<int64_t, Product> products;
Known<std::pair<int64_t, int64_t>, Layer> layers;  // by the store's number and the layer's

Tensor multiplied(const Product& product, const Tensor& rows) {
    AtenTensorHandle bias = product.bias ? product.bias->get() : nullptr;
    AtenTensorHandle made;
    TORCH_ERROR_CODE_CHECK(aoti_torch_cpu__linear_pointwise(rows.get(), product.packed.get(),
                                                            bias ? &bias : nullptr, "none", nullptr, 0, nullptr,
                                                            &made));
    return Tensor(made);
}

Tensor in_tiles(const Product& product, const Tensor& given, int64_t count, int64_t features) {
    STD_TORCH_CHECK(given.scalar_type() == ScalarType::BFloat16, "tiles are of bfloat16");
    Tensor rows = torch::stable::contiguous(given);
    std::vector<int64_t> shape(rows.sizes().begin(), rows.sizes().end());
    shape.back() = product.width;
    Tensor made = torch::stable::new_empty(rows, shape);
    multiply(static_cast<const bf16*>(rows.const_data_ptr()), static_cast<const bf16*>(product.packed.const_data_ptr()),
             product.bias ? static_cast<const bf16*>(product.bias->const_data_ptr()) : nullptr,
             static_cast<bf16*>(made.mutable_data_ptr()), count, features, product.width);
    return made;
}

// [..., features] to [..., width]; for oneDNN one row becomes two, since of one it makes other sums, and many are padded
// to a multiple of `round`.
Tensor packed_linear(Tensor rows, int64_t number, int64_t) {
    auto product = products.find(number);
    auto sizes = rows.sizes();
    int64_t features = sizes[sizes.size() - 1], count = rows.numel() / features;
    if (product->tiled) return in_tiles(*product, rows, count, features);
    if ((1 < count && count <= product->few) || count % product->round == 0) return multiplied(*product, rows);
    int64_t multiple = count == 1 ? 2 : product->round;
    int64_t padded = (count + multiple - 1) / multiple * multiple;
    Tensor whole = torch::stable::new_empty(rows, {padded, features});
    Tensor given = torch::stable::contiguous(rows);
    size_t bytes = size_t(count * features) * rows.element_size();
    std::memcpy(whole.mutable_data_ptr(), given.const_data_ptr(), bytes);
    std::memset(static_cast<char*>(whole.mutable_data_ptr()) + bytes, 0,
                size_t((padded - count) * features) * rows.element_size());
    Tensor made = multiplied(*product, whole);
    std::vector<int64_t> shape(sizes.begin(), sizes.end());
    shape.back() = product->width;
    return torch::stable::view(torch::stable::narrow(made, 0, 0, count), shape);
}

template <typename T>
void attend_rows(const Tensor& query, const Tensor& key, const Tensor& value, const Layer& layer, const Tensor& out,
                 const Tensor& slots, const Tensor& positions, int64_t window, double scale, double softcap) {
    int64_t kv_heads = layer.keys.size(1);
    attend(static_cast<const T*>(query.const_data_ptr()), static_cast<const T*>(key.const_data_ptr()),
           static_cast<const T*>(value.const_data_ptr()), static_cast<T*>(layer.keys.mutable_data_ptr()),
           static_cast<T*>(layer.values.mutable_data_ptr()), static_cast<T*>(out.mutable_data_ptr()),
           static_cast<const int64_t*>(slots.const_data_ptr()),
           static_cast<const int64_t*>(positions.const_data_ptr()), query.size(0), kv_heads,
           query.size(1) / kv_heads, layer.keys.size(2), query.size(3), window, float(scale), float(softcap));
}

// `query`: [rows, heads, 1, dim]; `key`, `value`: [rows, kv_heads, 1, dim]. Gives [rows, 1, heads, dim].
Tensor attend_slots(Tensor query, Tensor key, Tensor value, Tensor slots, Tensor positions, int64_t store,
                    int64_t number, int64_t window, double scale, double softcap) {
    auto layer = layers.find({store, number});
    STD_TORCH_CHECK(query.scalar_type() == layer->keys.scalar_type(), "the cache is of another data type");
    query = torch::stable::contiguous(query);
    key = torch::stable::contiguous(key);
    value = torch::stable::contiguous(value);
    slots = torch::stable::contiguous(slots);
    positions = torch::stable::contiguous(positions);
    int64_t rows = query.size(0), heads = query.size(1), dim = query.size(3);
    Tensor out = torch::stable::new_empty(query, {rows, 1, heads, dim});
    by_kind(query, [&](auto kind) {
        attend_rows<decltype(kind)>(query, key, value, *layer, out, slots, positions, window, scale, softcap);
    });
    return out;
}

// `scores`: [rows, vocabulary]. Gives [rows] of each.
std::tuple<Tensor, Tensor, Tensor> likeliest(Tensor scores) {
    scores = torch::stable::contiguous(scores);
    int64_t rows = scores.size(0), vocabulary = scores.size(1);
    Tensor tokens = torch::stable::new_empty(scores, {rows}, ScalarType::Long);
    Tensor masses = torch::stable::new_empty(scores, {rows}, ScalarType::Float);
    Tensor entropies = torch::stable::new_empty(scores, {rows}, ScalarType::Float);
    auto* token = static_cast<int64_t*>(tokens.mutable_data_ptr());
    auto* mass = static_cast<float*>(masses.mutable_data_ptr());
    auto* entropy = static_cast<float*>(entropies.mutable_data_ptr());
    by_kind(scores, [&](auto kind) {
        likeliest_rows(static_cast<const decltype(kind)*>(scores.const_data_ptr()), rows, vocabulary, token, mass,
                       entropy);
    });
    return {tokens, masses, entropies};
}

// [..., width] to the same.
Tensor rms_norm(Tensor given, Tensor weight, double eps, bool late) {
    Rows rows(given);
    weight = torch::stable::contiguous(weight);
    STD_TORCH_CHECK(weight.scalar_type() == given.scalar_type() && weight.numel() == rows.width,
                    "the weight is of another data type or width");
    std::vector<int64_t> shape(given.sizes().begin(), given.sizes().end());
    Tensor made = torch::stable::new_empty(given, shape);
    by_kind(given, [&](auto kind) {
        using T = decltype(kind);
        norm_rows(rows.begin<T>(), static_cast<const T*>(weight.const_data_ptr()),
                  static_cast<T*>(made.mutable_data_ptr()), rows.count, rows.width, rows.step, float(eps), late);
    });
    return made;
}

// `act`: silu, else gelu by its tangent. Both [..., width], to the same.
Tensor gated(Tensor gates, Tensor given, std::string act) {
    Rows gate(gates), rows(given);
    STD_TORCH_CHECK(gates.scalar_type() == given.scalar_type() && gate.count == rows.count && gate.width == rows.width,
                    "the rows are of another data type or shape");
    std::vector<int64_t> shape(gates.sizes().begin(), gates.sizes().end());
    Tensor made = torch::stable::new_empty(gates, shape);
    by_kind(gates, [&](auto kind) {
        using T = decltype(kind);
        auto call = act == "silu" ? gate_rows<silu, T> : gate_rows<gelu, T>;
        call(gate.begin<T>(), rows.begin<T>(), static_cast<T*>(made.mutable_data_ptr()), rows.count, rows.width,
             gate.step, rows.step);
    });
    return made;
}

// Whether `tiled` works here.
bool has_tiles() { return tiles_allowed(); }

// `weight`: [width, features], features a multiple of 32. As `keep_product` wants what is tiled.
Tensor tiled(Tensor weight) {
    weight = torch::stable::contiguous(weight);
    int64_t width = weight.size(0), features = weight.size(1);
    STD_TORCH_CHECK(weight.scalar_type() == ScalarType::BFloat16 && features % BLOCK == 0, "these have no tiles");
    Tensor laid = torch::stable::new_empty(weight, {(width + BLOCK - 1) / BLOCK, features * BLOCK});
    lay_weight(static_cast<const bf16*>(weight.const_data_ptr()), static_cast<bf16*>(laid.mutable_data_ptr()), width,
               features);
    return laid;
}

void keep_product(int64_t number, Tensor packed, std::optional<Tensor> bias, int64_t width, bool tiled, int64_t few,
                  int64_t round) {
    products.keep(number, Product{packed, bias, width, tiled, few, round});
}

void drop_product(int64_t number) { products.drop(number); }

void keep_layer(int64_t store, int64_t number, Tensor keys, Tensor values) {
    layers.keep({store, number}, Layer{keys, values});
}

void drop_layer(int64_t store, int64_t number) { layers.drop({store, number}); }

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(mainspring, m) {
    m.def("keep_product(int number, Tensor packed, Tensor? bias, int width, bool tiled, int few,"
          " int round) -> ()");
    m.def("has_tiles() -> bool");
    m.def("tiled(Tensor weight) -> Tensor");
    m.def("drop_product(int number) -> ()");
    m.def("keep_layer(int store, int layer, Tensor keys, Tensor values) -> ()");
    m.def("drop_layer(int store, int layer) -> ()");
}

STABLE_TORCH_LIBRARY_IMPL(mainspring, CompositeExplicitAutograd, m) {
    m.impl("keep_product", TORCH_BOX(&keep_product));
    m.impl("drop_product", TORCH_BOX(&drop_product));
    m.impl("has_tiles", TORCH_BOX(&has_tiles));
    m.impl("keep_layer", TORCH_BOX(&keep_layer));
    m.impl("drop_layer", TORCH_BOX(&drop_layer));
}

STABLE_TORCH_LIBRARY_IMPL(mainspring, CPU, m) {
    m.impl("tiled", TORCH_BOX(&tiled));
    m.impl("packed_linear", TORCH_BOX(&packed_linear));
    m.impl("attend_slots", TORCH_BOX(&attend_slots));
    m.impl("likeliest", TORCH_BOX(&likeliest));
    m.impl("rms_norm", TORCH_BOX(&rms_norm));
    m.impl("gated", TORCH_BOX(&gated));
}
