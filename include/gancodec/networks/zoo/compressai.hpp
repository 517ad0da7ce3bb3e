#pragma once

#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/conv_transpose2d.hpp"
#include "gancodec/nn/named_parts.hpp"
#include "gancodec/nn/root_gdn.hpp"
#include "gancodec/nn/sequential.hpp"

// Three models of the CompressAI zoo, with its parameter names. N and M are 128 and 192 at its lower qualities, 192 and
// 320 at the higher ones. tools/convert_weights.py makes their weights from CompressAI's checkpoints.

namespace gancodec::zoo {

// clang-format off: tables.

/// x [n,3,h,w] → y [n,M,h/16,w/16]. (Ballé, Minnen, Singh, Hwang, Johnston: Variational image compression with a scale
/// hyperprior, 2018; 42.2 kMAC per pixel with 128 and 192.)
template <int N, int M>
using Analysis = Sequential<Conv2d<3, N, 5, Stride<2>>, RootGdn<N>,
                            Conv2d<N, N, 5, Stride<2>>, RootGdn<N>,
                            Conv2d<N, N, 5, Stride<2>>, RootGdn<N>,
                            Conv2d<N, M, 5, Stride<2>>>;

/// ŷ [n,M,h,w] → x̂ [n,3,16h,16w].
template <int N, int M>
using Synthesis = Sequential<ConvTranspose2d<M, N, 5>, InverseRootGdn<N>,
                             ConvTranspose2d<N, N, 5>, InverseRootGdn<N>,
                             ConvTranspose2d<N, N, 5>, InverseRootGdn<N>,
                             ConvTranspose2d<N, 3, 5>>;

/// |y| [n,M,h,w] → z [n,N,h/4,w/4].
template <int N, int M, class Act = Relu>
using HyperAnalysis = Sequential<Conv2d<M, N, 3>, Act, Conv2d<N, N, 5, Stride<2>>, Act, Conv2d<N, N, 5, Stride<2>>>;

/// ẑ [n,N,h,w] → scales of y [n,M,4h,4w].
template <int N, int M>
using HyperScaleSynthesis = Sequential<ConvTranspose2d<N, N, 5>, Relu, ConvTranspose2d<N, N, 5>, Relu,
                                       Conv2d<N, M, 3>, Relu>;

/// ẑ [n,N,h,w] → scales, then means of y [n,2M,4h,4w].
template <int N, int M>
using HyperMeanScaleSynthesis = Sequential<ConvTranspose2d<N, M, 5>, LeakyRelu<1>,
                                           ConvTranspose2d<M, M * 3 / 2, 5>, LeakyRelu<1>,
                                           Conv2d<M * 3 / 2, 2 * M, 3>>;

// clang-format on

/// bmshj2018-factorized: y itself is coded, every channel by a distribution of its own.
template <int N = 128, int M = 192>
struct FactorizedPrior : NamedParts<FactorizedPrior<N, M>> {
    static constexpr int kN = N, kM = M;
    static constexpr bool kSignedPixels = false;
    Analysis<N, M> g_a;
    Synthesis<N, M> g_s;

    template <class F>
    void each_part(F&& f) {
        f("g_a.", g_a);
        f("g_s.", g_s);
    }
};

/// bmshj2018-hyperprior: z = h_a(|y|), scales = h_s(ẑ).
template <int N = 128, int M = 192, class HyperAnalysisNetwork = HyperAnalysis<N, M>,
          class HyperSynthesisNetwork = HyperScaleSynthesis<N, M>>
struct ScaleHyperprior : NamedParts<ScaleHyperprior<N, M, HyperAnalysisNetwork, HyperSynthesisNetwork>> {
    static constexpr int kN = N, kM = M;
    static constexpr bool kSignedPixels = false;
    Analysis<N, M> g_a;
    Synthesis<N, M> g_s;
    HyperAnalysisNetwork h_a;
    HyperSynthesisNetwork h_s;

    template <class F>
    void each_part(F&& f) {
        f("g_a.", g_a);
        f("g_s.", g_s);
        f("h_a.", h_a);
        f("h_s.", h_s);
    }
};

/// mbt2018-mean: z = h_a(y), (scales, means) = h_s(ẑ). (Minnen, Ballé, Toderici: Joint autoregressive and hierarchical
/// priors for learned image compression, 2018, without the autoregressive part.)
template <int N = 128, int M = 192>
using MeanScaleHyperprior = ScaleHyperprior<N, M, HyperAnalysis<N, M, LeakyRelu<1>>, HyperMeanScaleSynthesis<N, M>>;

}  // namespace gancodec::zoo
