#include "sheet.hpp"

#include <algorithm>
#include <cstddef>
#include <sstream>

#include "gancodec/core/error.hpp"

namespace gancodec::cli {

namespace {

constexpr int kGlyphColumns = 5, kGlyphRows = 9, kAdvance = kGlyphColumns + 1;

// One glyph per printable ASCII character from the space on, a digit of base 32 per row of dots, the leftmost dot in the
// highest bit; the last two rows hold what hangs below the line.
constexpr const char* kGlyphs[] = {
    "000000000", "444440400", "AAA000000", "AAVAVAA00", "4FKE5U400", "PP248JJ00", "CIK8LID00", "444000000", "248884200",
    "842224800", "04LEL4000", "044V44000", "000006624", "000V00000", "000006600", "11248GG00", "EHJLPHE00", "4CK444V00",
    "EH1248V00", "U11611U00", "26AIV2200", "VGU11HE00", "68GUHHE00", "V12244400", "EHHEHHE00", "EHHF12C00", "066006600",
    "066006624", "248G84200", "00V0V0000", "842124800", "EH1640400", "EHNLMGF00", "4AHHVHH00", "UHHUHHU00", "EHGGGHE00",
    "SIHHHIS00", "VGGUGGV00", "VGGUGGG00", "EHGNHHF00", "HHHVHHH00", "E44444E00", "72222IC00", "HIKOKIH00", "GGGGGGV00",
    "HRLLHHH00", "HPPLJJH00", "EHHHHHE00", "UHHUGGG00", "EHHHLID00", "UHHUKIH00", "FGGE11U00", "V44444400", "HHHHHHE00",
    "HHHHAA400", "HHHLLRH00", "HHA4AHH00", "HHA444400", "V1248GV00", "E88888E00", "GG8421100", "E22222E00", "4AH000000",
    "0000000V0", "840000000", "00E1FHF00", "GGUHHHU00", "00FGGGF00", "11FHHHF00", "00EHVGF00", "68U888800", "00FHHHF1E",
    "GGUHHHH00", "40C444E00", "2062222IC", "GGIKOKI00", "C44444E00", "00QLLLL00", "00UHHHH00", "00EHHHE00", "00UHHHUGG",
    "00FHHHF11", "00MOGGG00", "00FGE1U00", "88U888600", "00HHHHF00", "00HHAA400", "00HLLLA00", "00HA4AH00", "00HHHHF1E",
    "00V248V00", "244844200", "444444400", "844244800", "009LI0000"};

unsigned glyph_row(char c, int row) {
    const bool printable = c >= ' ' && c <= '~';
    const char digit = kGlyphs[printable ? c - ' ' : '?' - ' '][row];
    return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'A' + 10);
}

void fill(Image& image, int left, int top, int width, int height, std::array<std::uint8_t, 3> colour) {
    for (int y = std::max(top, 0); y < std::min(top + height, image.height); ++y)
        for (int x = std::max(left, 0); x < std::min(left + width, image.width); ++x)
            std::copy(colour.begin(), colour.end(), image.at(x, y));
}

void paste(Image& sheet, const Image& image, int left, int top) {
    for (int y = 0; y < image.height; ++y)
        std::copy_n(image.at(0, y), 3 * static_cast<std::size_t>(image.width), sheet.at(left, top + y));
}

/// The lines, broken between words so that each is at most `columns` letters long; longer words are cut.
std::vector<std::string> wrap(const std::vector<std::string>& lines, std::size_t columns) {
    std::vector<std::string> wrapped;
    for (const std::string& line : lines) {
        std::istringstream words(line);
        std::string current;
        for (std::string word; words >> word;) {
            if (!current.empty() && current.size() + 1 + word.size() > columns) {
                wrapped.push_back(current);
                current.clear();
            }
            current += (current.empty() ? "" : " ") + word;
            if (current.size() > columns) current.resize(columns);
        }
        wrapped.push_back(current);
    }
    return wrapped;
}

struct Layout {
    std::vector<int> column_width, row_height, caption_lines;
};

Layout lay_out(std::vector<std::vector<SheetCell>>& rows, const SheetOptions& options) {
    constexpr int kNarrowestColumn = 96;
    Layout layout;
    for (const auto& row : rows) {
        layout.column_width.resize(std::max(layout.column_width.size(), row.size()), kNarrowestColumn);
        for (std::size_t i = 0; i < row.size(); ++i)
            layout.column_width[i] = std::max(layout.column_width[i], row[i].image.width);
    }
    for (auto& row : rows) {
        int height = 0;
        std::size_t lines = 0;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const int letters = std::max(1, layout.column_width[i] / (kAdvance * options.text_scale));
            row[i].caption = wrap(row[i].caption, static_cast<std::size_t>(letters));
            height = std::max(height, row[i].image.height);
            lines = std::max(lines, row[i].caption.size());
        }
        layout.row_height.push_back(height);
        layout.caption_lines.push_back(static_cast<int>(lines));
    }
    return layout;
}

}  // namespace

void draw_text(Image& image, int x, int y, const std::string& text, int scale, std::array<std::uint8_t, 3> ink) {
    for (const char c : text) {
        for (int row = 0; row < kGlyphRows; ++row)
            for (int column = 0; column < kGlyphColumns; ++column)
                if ((glyph_row(c, row) >> (kGlyphColumns - 1 - column) & 1u) != 0)
                    fill(image, x + column * scale, y + row * scale, scale, scale, ink);
        x += kAdvance * scale;
    }
}

Image compose_sheet(const std::vector<std::vector<SheetCell>>& cells, const SheetOptions& options) {
    std::vector<std::vector<SheetCell>> rows = cells;
    const Layout layout = lay_out(rows, options);
    if (layout.column_width.empty())
        throw Error(Errc::invalid_argument, "compose_sheet: expected at least one picture, found none");
    const int gap = options.gap_px, line_px = (kGlyphRows + 2) * options.text_scale;
    int width = gap, height = gap;
    for (const int w : layout.column_width) width += w + gap;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const int text = layout.caption_lines[r] * line_px;
        height += layout.row_height[r] + (text > 0 ? gap + text : 0) + gap;
    }
    Image sheet = make_image(width, height, options.ground[0], options.ground[1], options.ground[2]);
    int top = gap;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        int left = gap;
        for (std::size_t i = 0; i < rows[r].size(); ++i) {
            paste(sheet, rows[r][i].image, left, top);
            int y = top + layout.row_height[r] + gap;
            for (const std::string& line : rows[r][i].caption) {
                draw_text(sheet, left, y, line, options.text_scale, options.ink);
                y += line_px;
            }
            left += layout.column_width[i] + gap;
        }
        const int text = layout.caption_lines[r] * line_px;
        top += layout.row_height[r] + (text > 0 ? gap + text : 0) + gap;
    }
    return sheet;
}

}  // namespace gancodec::cli
