#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/elementwise.hpp"
#include "gancodec/nn/layer.hpp"
#include "gancodec/simd/bf16.hpp"

namespace gancodec {

template <class T>
class Tape;

/// A tensor on a tape: a name for what was computed, and for its gradient after Tape::backward().
template <class T>
class Variable {
public:
    Variable() = default;
    [[nodiscard]] Shape shape() const { return constant().shape; }
    [[nodiscard]] TensorView<const T> constant() const { return tape_->nodes_[index_].value; }
    /// True when some trained parameter or some leaf with gradient lies behind it.
    [[nodiscard]] bool needs_gradient() const { return tape_->nodes_[index_].needs_gradient; }
    /// First element, for values that are one number (losses).
    [[nodiscard]] T scalar() const { return constant().data[0]; }

private:
    friend class Tape<T>;
    Variable(Tape<T>* tape, std::size_t index) : tape_(tape), index_(index) {}
    Tape<T>* tape_ = nullptr;
    std::size_t index_ = 0;
};

/// The context that records: every operation keeps what its gradient needs, backward() walks them in reverse.
///
/// Read first: (1) all memory comes from one arena and lives until clear(); (2) gradients of Parameters are ADDED to
/// Parameter::grad, gradients of variables are read with gradient(); (3) a parameter or leaf without gradient costs
/// nothing: operations on it record nothing; (4) an operation is any function that ends in record().
template <class T>
class Tape {
public:
    using Scalar = T;
    using Value = Variable<T>;

    Tape() = default;
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;

    /// Memory for a result, uninitialised, alive until clear().
    [[nodiscard]] TensorView<T> make(Shape shape) { return arena_.template tensor<T>(shape); }
    [[nodiscard]] Workspace& scratch() { return arena_; }
    /// In which numbers convolutions recorded from now on multiply, forward and backward.
    void set_precision(Precision precision) { precision_ = precision; }
    [[nodiscard]] Precision precision() const { return precision_; }

    /// A value from outside. `data` must stay alive until clear().
    [[nodiscard]] Value leaf(TensorView<const T> data, bool needs_gradient = false) {
        nodes_.push_back({data, {}, needs_gradient, false, {}, {}, {}});
        return Value(this, nodes_.size() - 1);
    }
    /// A single number.
    [[nodiscard]] Value constant(T number) {
        auto value = arena_.template zeros<T>({1, 1, 1, 1});
        value.data[0] = number;
        return leaf(value);
    }

    /// What flows back to one input of an operation: the input, and the gradient as a recorded value.
    using Flow = std::pair<Value, Value>;

    /// Appends a computed value. `backward(d_out)` is called once, with dLoss/dvalue, if anything behind it needs it;
    /// it hands gradients on by accumulate(). `trains_parameters`: it also adds to Parameter::grad.
    template <class Backward>
    Value record(TensorView<const T> value, std::initializer_list<Value> inputs, bool trains_parameters,
                 Backward&& backward) {
        bool needed = trains_parameters;
        for (const Value& input : inputs) needed = needed || input.needs_gradient();
        nodes_.push_back({value, {}, needed, trains_parameters, {}, {}, {}});
        if (needed) {
            nodes_.back().backward = std::forward<Backward>(backward);
            for (const Value& input : inputs) nodes_.back().inputs.push_back(input.index_);
        }
        return Value(this, nodes_.size() - 1);
    }
    /// The same for an operation that differentiate() may meet: `flows(d_out)` -> std::vector<Flow> says the same as
    /// `backward` by recording operations.
    template <class Backward, class Flows>
    Value record(TensorView<const T> value, std::initializer_list<Value> inputs, bool trains_parameters,
                 Backward&& backward, Flows&& flows) {
        const Value result = record(value, inputs, trains_parameters, std::forward<Backward>(backward));
        if (result.needs_gradient()) nodes_.back().flows = std::forward<Flows>(flows);
        return result;
    }

    /// Adds a contribution to the gradient of `variable`: `write(d)` must fill every element of d.
    template <class Write>
    void accumulate(Value variable, Write&& write) {
        Node& node = nodes_[variable.index_];
        if (!node.needs_gradient) return;
        if (node.gradient.data == nullptr) {
            node.gradient = make(node.value.shape);
            write(node.gradient);
            return;
        }
        const Workspace::Scope scope(arena_);
        auto contribution = make(node.value.shape);
        write(contribution);
        add(TensorView<const T>(node.gradient), TensorView<const T>(contribution), node.gradient);
    }
    void accumulate(Value variable, TensorView<const T> d) {
        accumulate(variable, [&](TensorView<T> out) { std::copy_n(d.data, d.size(), out.data); });
    }

    /// Computes the gradients of `loss`, one number, with respect to everything it depends on.
    void backward(Value loss) {
        auto seed = arena_.template zeros<T>(loss.shape());
        seed.data[0] = T(1);
        accumulate(loss, TensorView<const T>(seed));
        for (std::size_t i = loss.index_ + 1; i-- > 0;) {
            Node& node = nodes_[i];
            if (node.backward && node.gradient.data != nullptr) node.backward(TensorView<const T>(node.gradient));
        }
    }
    /// backward() as far as the first operation that trains parameters, the last layer before the loss: their gradients
    /// get its share. The gradients of variables are forgotten, so that backward() can follow.
    void backward_to_last_layer(Value loss) {
        const Workspace::Scope scope(arena_);
        auto seed = arena_.template zeros<T>(loss.shape());
        seed.data[0] = T(1);
        accumulate(loss, TensorView<const T>(seed));
        bool reached = false;
        for (std::size_t i = loss.index_ + 1; i-- > 0;) {
            Node& node = nodes_[i];
            if (!reached && node.backward && node.gradient.data != nullptr) {
                node.backward(TensorView<const T>(node.gradient));
                reached = node.trains_parameters;
            }
            node.gradient = {};
        }
    }
    /// Records the gradient of `y`, one number, with respect to `x`, as a value that can be differentiated once more:
    /// double backpropagation (Drucker, Le Cun 1992), for penalties on gradients.
    /// Requires x is a leaf with gradient, and y depends on it.
    /// Errors   Error{Errc::training} when an operation between them has no recorded gradient.
    [[nodiscard]] Value differentiate(Value y, Value x) {
        std::vector<bool> depends(y.index_ + 1, false);
        depends[x.index_] = true;
        for (std::size_t i = x.index_ + 1; i <= y.index_; ++i)
            for (const std::size_t input : nodes_[i].inputs) depends[i] = depends[i] || depends[input];
        GANCODEC_ASSERT(depends[y.index_]);
        std::vector<std::optional<Value>> flow(y.index_ + 1);
        auto one = arena_.template zeros<T>(y.shape());
        one.data[0] = T(1);
        flow[y.index_] = leaf(one);
        for (std::size_t i = y.index_; i > x.index_; --i) {
            if (!depends[i] || !flow[i]) continue;
            if (!nodes_[i].flows)
                throw Error(Errc::training,
                            "differentiate: expected operations with a recorded gradient, found another");
            const auto flows = nodes_[i].flows;  // a copy: recording moves the nodes
            for (const auto& [input, d] : flows(*flow[i]))
                if (depends[input.index_])
                    flow[input.index_] = flow[input.index_] ? add(*this, *flow[input.index_], d) : d;
        }
        return *flow[x.index_];
    }
    /// dLoss/dvariable after backward(); an empty view when the loss does not depend on it.
    [[nodiscard]] TensorView<const T> gradient(Value variable) const { return nodes_[variable.index_].gradient; }

    /// Forgets everything; the memory stays for the next recording.
    void clear() {
        nodes_.clear();
        arena_.reset();
    }
    [[nodiscard]] std::size_t peak_bytes() const { return arena_.peak_bytes(); }

private:
    friend class Variable<T>;
    struct Node {
        TensorView<const T> value;
        TensorView<T> gradient;
        bool needs_gradient = false, trains_parameters = false;
        std::vector<std::size_t> inputs;  ///< empty where no gradient is needed
        std::function<void(TensorView<const T>)> backward;
        std::function<std::vector<Flow>(Value)> flows;
    };
    std::vector<Node> nodes_;
    Workspace arena_;
    Precision precision_ = Precision::fp32;
};

}  // namespace gancodec
