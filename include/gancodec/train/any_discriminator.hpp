#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "gancodec/autograd/batch_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/metrics/lpips.hpp"
#include "gancodec/networks/batch_discriminator.hpp"
#include "gancodec/networks/discriminators.hpp"
#include "gancodec/networks/presets.hpp"
#include "gancodec/train/projected_discriminator.hpp"

namespace gancodec {

/// The discriminators that a recipe can name; patch_slim has half the channels of patch, a quarter of its cost.
enum class DiscriminatorKind {
    patch,
    patch_slim,
    multi_scale,
    unet,
    dcgan,
    pix2pix,
    minibatch_discrimination,
    batch_deviation,
    projected
};

/// What a discriminator may be told beside the image that it judges.
template <class T>
struct Condition {
    Variable<T> latents;  ///< [n,kLatentChannels,h/16,w/16]
    Variable<T> picture;  ///< [n,3,h,w] in [−1, 1], what the same latents are without this stage; read by pix2pix alone
};

/// One of them, chosen when the program runs.
template <class T = float>
class AnyDiscriminator {
    using Pix2Pix = Pix2PixDiscriminator<32>;
    template <int W>
    using Minibatch = BatchDiscriminator<MinibatchDiscrimination<8 * W, 8, 4>, W>;
    template <int W>
    using Deviation = BatchDiscriminator<BatchDeviation<>, W>;
    using Projected = ProjectedDiscriminator<Lpips<AlexNet>>;

public:
    /// `features`: what projected looks at; it must outlive the discriminator.
    /// Errors  Error{invalid_argument} for projected without features.
    AnyDiscriminator(DiscriminatorKind kind, const Lpips<AlexNet>* features) {
        switch (kind) {
            case DiscriminatorKind::patch:
                break;
            case DiscriminatorKind::patch_slim:
                network_.template emplace<1>();
                break;
            case DiscriminatorKind::multi_scale:
                network_.template emplace<2>();
                break;
            case DiscriminatorKind::unet:
                network_.template emplace<3>();
                break;
            case DiscriminatorKind::dcgan:
                network_.template emplace<4>();
                break;
            case DiscriminatorKind::pix2pix:
                network_.template emplace<Pix2Pix>();
                break;
            case DiscriminatorKind::minibatch_discrimination:
                network_.template emplace<Minibatch<32>>();
                break;
            case DiscriminatorKind::batch_deviation:
                network_.template emplace<Deviation<32>>();
                break;
            case DiscriminatorKind::projected:
                if (features == nullptr)
                    throw Error(Errc::invalid_argument,
                                "recipe: discriminator: expected the network of LPIPS for projected, found none");
                network_.template emplace<Projected>(*features);
                break;
        }
    }
    using Scalar = T;

    /// What its trunks drop before their heads from now on; whether it has any.
    bool set_dropout(double rate, std::uint64_t seed) {
        return std::visit([&](auto& network) { return set_dropout(network, rate, seed); }, network_);
    }
    [[nodiscard]] bool wants_picture() const { return std::holds_alternative<Pix2Pix>(network_); }

    /// Shapes  image [n,3,h,w] in [−1, 1]
    [[nodiscard]] Judgement<Variable<T>> operator()(Tape<T>& tape, Variable<T> image, const Condition<T>& told) const {
        const auto& condition = wants_picture() ? told.picture : told.latents;
        return std::visit([&](const auto& network) { return network(tape, image, condition); }, network_);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        std::visit([&](auto& network) { network.each_parameter(prefix, f); }, network_);
    }
    void prepare(bool for_backward) {
        std::visit([&](auto& network) { network.prepare(for_backward); }, network_);
    }
    void project() {
        std::visit([](auto& network) { network.project(); }, network_);
    }

private:
    template <class D>
    static bool set_dropout(D& network, double rate, std::uint64_t seed) {
        if constexpr (requires { network.dropout; }) {
            network.dropout.rate = rate;
            network.dropout.random = Random(seed);
            return true;
        } else if constexpr (requires { network.trunk; }) {
            return set_dropout(network.trunk, rate, seed);
        } else if constexpr (requires { network.quarter; }) {
            return set_dropout(network.full, rate, seed) && set_dropout(network.half, rate, seed + 1) &&
                   set_dropout(network.quarter, rate, seed + 2);
        } else {
            return false;
        }
    }

    std::variant<PatchDiscriminator<kLatentChannels>, PatchDiscriminator<kLatentChannels, 16, 32>,
                 MultiScaleDiscriminator<kLatentChannels>, UNetDiscriminator<>, DcganDiscriminator<>, Pix2Pix,
                 Minibatch<32>, Deviation<32>, Projected>
        network_;
};

}  // namespace gancodec
