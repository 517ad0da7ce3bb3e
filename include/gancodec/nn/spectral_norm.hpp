#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/core/random.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// A convolution whose weight, as a matrix of Out rows, is divided by its largest singular value: the layer then amplifies
/// nothing, and a discriminator made of such layers cannot grow steep.
///   ŵ = w/σ,  σ = |wᵀu|,  u ← w·v/|w·v| with v = wᵀu/|wᵀu| once per optimiser step (power iteration)
/// Read first: (1) `weight` is w and is what is trained and saved, "weight_u" is a buffer beside it; (2) prepare() leaves u
/// as it is, so that preparing twice changes nothing; project(), which follows every optimiser step, moves it; (3) before
/// the first step u is random: call settle_spectral_norm() on the network.
/// Paper    Miyato, Kataoka, Koyama, Yoshida: Spectral Normalization for Generative Adversarial Networks, 2018.
template <class L>
class SpectralNorm : public L {
public:
    using T = typename L::Scalar;
    template <class U>
    using Rebind = SpectralNorm<typename L::template Rebind<U>>;

    SpectralNorm() : u_({L::geometry().out_channels}) {
        u_.buffer = true;
        Random random(static_cast<std::uint64_t>(rows()) * 977 + columns());
        for (T& x : u_.value) x = static_cast<T>(random.normal());
        normalise(u_.value);
    }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return conv2d(context, std::move(x), *this);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        L::each_parameter(prefix, f);
        f(prefix + "weight_u", u_);
    }
    void prepare(bool for_backward) {
        v_ = times_transposed(u_.value);
        sigma_ = normalise(v_);
        normalised_.resize(this->weight.value.size());
        for (std::size_t i = 0; i < normalised_.size(); ++i) normalised_[i] = this->weight.value[i] / sigma_;
        this->prepared.prepare(L::geometry(), normalised_.data(), this->bias.value.data(), for_backward);
    }
    void project() {
        L::project();
        std::vector<T> v = times_transposed(u_.value);
        normalise(v);
        for (std::size_t r = 0; r < rows(); ++r) {
            double sum = 0;
            for (std::size_t c = 0; c < columns(); ++c)
                sum = std::fma(double(this->weight.value[r * columns() + c]), double(v[c]), sum);
            u_.value[r] = static_cast<T>(sum);
        }
        normalise(u_.value);
    }
    /// Adds to d_w what a gradient to ŵ means for w:  d_w += (d_ŵ − ⟨d_ŵ, ŵ⟩·u·vᵀ)/σ.
    void pull_back(const T* d_normalised, T* d_weight) const {
        double inner = 0;
        for (std::size_t i = 0; i < normalised_.size(); ++i)
            inner = std::fma(double(d_normalised[i]), double(normalised_[i]), inner);
        for (std::size_t r = 0; r < rows(); ++r) {
            const T along = static_cast<T>(-inner) * u_.value[r];
            for (std::size_t c = 0; c < columns(); ++c)
                d_weight[r * columns() + c] += std::fma(along, v_[c], d_normalised[r * columns() + c]) / sigma_;
        }
    }
    /// The largest singular value as of the last prepare().
    [[nodiscard]] T sigma() const { return sigma_; }

private:
    static constexpr std::size_t rows() { return static_cast<std::size_t>(L::geometry().out_channels); }
    static constexpr std::size_t columns() {
        return static_cast<std::size_t>(L::geometry().in_channels) * L::geometry().kernel * L::geometry().kernel;
    }
    /// Divides by the Euclidean norm, which it answers.
    static T normalise(std::vector<T>& x) {
        double sum = 1e-24;
        for (const T value : x) sum = std::fma(double(value), double(value), sum);
        const T norm = static_cast<T>(std::sqrt(sum));
        for (T& value : x) value /= norm;
        return norm;
    }
    [[nodiscard]] std::vector<T> times_transposed(const std::vector<T>& u) const {
        std::vector<double> sums(columns());
        for (std::size_t r = 0; r < rows(); ++r)
            for (std::size_t c = 0; c < columns(); ++c)
                sums[c] = std::fma(double(u[r]), double(this->weight.value[r * columns() + c]), sums[c]);
        return {sums.begin(), sums.end()};
    }

    Parameter<T> u_;
    std::vector<T> v_, normalised_;
    T sigma_ = 1;
};

/// Turns every u of a fresh network towards its singular vector.
template <class Network>
void settle_spectral_norm(Network& network, int iterations = 20) {
    for (int i = 0; i < iterations; ++i) network.project();
}

}  // namespace gancodec
