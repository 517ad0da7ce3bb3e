// The innermost kernels, compiled alone for tools/check_spills.

#include "gancodec/kernels/gdn_tiles.hpp"
#include "gancodec/kernels/pixel_lanes.hpp"
#include "gancodec/kernels/tap_tile.hpp"
#include "gancodec/kernels/weight_gradient.hpp"

namespace gancodec::detail {

using Arch = simd::NativeArch;
using Tile = TileSizes<Arch>;
using Gradient = GradientTile<Arch>;

template void tap_tile<Arch, Tile::groups, Tile::large, Precision::fp32, Operands::near>(const TapTile&);
template void tap_tile<Arch, Tile::groups, Tile::small, Precision::fp32, Operands::near>(const TapTile&);
template void tap_tile<Arch, Tile::groups, Tile::large, Precision::fp32, Operands::far>(const TapTile&);
template void tap_tile<Arch, Tile::groups, Tile::small, Precision::fp32, Operands::far>(const TapTile&);
template void pixel_tile<Arch, 1, pixel_vectors<Arch>(1)>(const PixelTile&);
template void pixel_tile<Arch, 3, pixel_vectors<Arch>(3)>(const PixelTile&);
template void pixel_tile<Arch, 4, pixel_vectors<Arch>(4)>(const PixelTile&);
template void gradient_tile<Arch, Gradient::groups, Gradient::inputs>(const GradientRows*, int, int, std::ptrdiff_t,
                                                                      std::ptrdiff_t, float*);
#if defined(__AVX512BF16__)
template void tap_tile<Arch, Tile::groups, Tile::large, Precision::bf16, Operands::far>(const TapTile&);
template void gradient_tile<Arch, Gradient::groups, Gradient::inputs, Precision::bf16>(const GradientRows*, int, int,
                                                                                       std::ptrdiff_t, std::ptrdiff_t,
                                                                                       float*);
#endif
template void gdn_outer_product<Arch>(const float*, const float*, std::size_t, int, int, float*, std::ptrdiff_t);

}  // namespace gancodec::detail
