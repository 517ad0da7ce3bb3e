#pragma once

#include <string>
#include <utility>
#include <variant>

#include "gancodec/autograd/ops.hpp"
#include "gancodec/networks/discriminators.hpp"
#include "gancodec/networks/presets.hpp"

namespace gancodec {

/// The discriminators that a recipe can name; patch_slim has half the channels of patch, a quarter of its cost.
enum class DiscriminatorKind { patch, patch_slim, multi_scale, unet, dcgan };

/// One of them, chosen when the program runs.
template <class T = float>
class AnyDiscriminator {
public:
    explicit AnyDiscriminator(DiscriminatorKind kind) {
        switch (kind) {
            case DiscriminatorKind::patch:
                break;
            case DiscriminatorKind::patch_slim:
                network_.emplace<1>();
                break;
            case DiscriminatorKind::multi_scale:
                network_.emplace<2>();
                break;
            case DiscriminatorKind::unet:
                network_.emplace<3>();
                break;
            case DiscriminatorKind::dcgan:
                network_.emplace<4>();
                break;
        }
    }
    using Scalar = T;

    /// Shapes  image [n,3,h,w] in [−1, 1] · latents [n,kLatentChannels,h/16,w/16]
    [[nodiscard]] Judgement<Variable<T>> operator()(Tape<T>& tape, Variable<T> image, Variable<T> latents) const {
        return std::visit([&](const auto& network) { return network(tape, image, latents); }, network_);
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
    std::variant<PatchDiscriminator<kLatentChannels>, PatchDiscriminator<kLatentChannels, 16, 32>,
                 MultiScaleDiscriminator<kLatentChannels>, UNetDiscriminator<>, DcganDiscriminator<>>
        network_;
};

}  // namespace gancodec
