#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace gancodec {

/// While one lives, the weights of convolutions (Parameters of four axes) that its thread makes have a shape and no numbers
/// yet: for networks that are read and packed layer by layer, so that the memory of one layer serves the next.
class NumbersLater {
public:
    NumbersLater() : before_(std::exchange(wanted(), true)) {}
    ~NumbersLater() { wanted() = before_; }
    NumbersLater(const NumbersLater&) = delete;
    NumbersLater& operator=(const NumbersLater&) = delete;

    [[nodiscard]] static bool& wanted() {
        thread_local bool later = false;
        return later;
    }

private:
    bool before_;
};

/// Learnt numbers of a layer, in the order of memory that PyTorch uses for the same layer.
/// `grad` is empty unless the parameter is being trained: an empty grad means frozen, and costs nothing.
template <class T>
struct Parameter {
    std::vector<int> shape;
    std::vector<T> value;
    std::vector<T> grad;
    bool buffer = false;  ///< state that is saved with the weights but never trained, as PyTorch's buffers

    Parameter() = default;
    explicit Parameter(std::vector<int> dimensions, T fill = T{}) : shape(std::move(dimensions)) {
        if (shape.size() != 4 || !NumbersLater::wanted()) value.assign(size(), fill);
    }
    /// How many numbers the shape asks for.
    [[nodiscard]] std::size_t size() const {
        std::size_t product = 1;
        for (const int d : shape) product *= static_cast<std::size_t>(d);
        return product;
    }
    [[nodiscard]] bool trained() const { return !grad.empty(); }
};

/// out_channels() of a layer answers this when it cannot take that many input channels.
inline constexpr int kChannelMismatch = -1;

/// What every layer is: an object that owns its Parameters and is called with a context and a value,
///     auto y = layer(context, x);
/// where the context is Inference<T> (memory is reused at once) or Tape<T> (the operations are recorded for backward).
///
/// A layer also says, for
///   types    out_channels(in), at compile time; Rebind<U>: the same layer over another number type
///   files    each_parameter(prefix, f): f(name, parameter) with PyTorch's state-dict names
///   kernels  prepare(for_backward): packs the weights; call it after they changed and before the layer is used
///   training project(): puts parameters back into their allowed range after an optimiser step
///   windows  (nn/window.hpp; layers without it run on whole pictures only), along one axis
///            reads(outputs): the inputs, perhaps outside the picture, whose numbers reach these outputs
///            window_start(read, output): where a window begins that holds input `read` and gives outputs from `output` on
///            window_origin(input): the output with which a window begins that starts there; out_extent(in): of the whole
template <class L>
concept Layer = requires(L layer, const std::string& prefix) {
    typename L::Scalar;
    { L::out_channels(1) } -> std::convertible_to<int>;
    layer.each_parameter(prefix, [](const std::string&, Parameter<typename L::Scalar>&) {});
    layer.prepare(true);
    layer.project();
};

/// Whether a layer has activated(context, x, kind, slope): its result after an activation that its kernel applies as it
/// stores, which gives the same numbers as the two layers. Said of exact types: what derives from one may do more.
template <class L>
inline constexpr bool kStoresActivated = false;

/// For layers without parameters.
template <class T>
struct StatelessLayer {
    using Scalar = T;
    template <class F>
    void each_parameter(const std::string&, F&&) {}
    void prepare(bool) {}
    void project() {}
};

}  // namespace gancodec
