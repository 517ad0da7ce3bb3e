#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "command.hpp"
#include "file_bytes.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/core/parallel.hpp"
#include "image_rows.hpp"
#include "json_output.hpp"
#include "refiner.hpp"
#include "session.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

struct EncodeCommand {
    std::string in, out, weights, flatten;
    std::optional<double> quality, bpp;
    std::optional<std::uint64_t> max_bytes;
    int effort = 0;
    bool keep_metadata = false;
    std::optional<int> tile_px;
    int memory_mb = static_cast<int>(kWindowMemoryBytes >> 20);
    CommonOptions common;
};

/// Larger pictures are coded in tiles where nothing else is asked for: in one piece they take some 60 bytes a pixel.
constexpr std::int64_t kLargestPiecePx = std::int64_t{1} << 22;
constexpr int kUsualTilePx = 512;

/// The tiles for a picture; 0 is one piece.
int tile_px(const EncodeCommand& command, std::int64_t width, std::int64_t height, bool one_quality) {
    if (command.tile_px) return *command.tile_px;
    return command.effort == 0 && !one_quality && width * height > kLargestPiecePx ? kUsualTilePx : 0;
}

/// A file's rows as the library asks for them: from the top once more when it wants row 0 again.
class FileSource {
public:
    FileSource(std::string path, ReadOptions options) : path_(std::move(path)), options_(std::move(options)) {}
    /// Nothing where the file is to be read whole.
    [[nodiscard]] const ImageRows* open() {
        rows_ = open_image_rows(path_, options_);
        next_ = 0;
        return rows_.get();
    }
    void operator()(int y, Image& rows) {
        if (y != next_) {
            options_.note = [](const std::string&) {};  // said the first time
            static_cast<void>(open());
            if (!rows_ || rows_->width != rows.width)
                throw Error(Errc::io, path_ + ": expected the same picture again, found another");
        }
        rows_->read(rows);
        next_ = y + rows.height;
    }

private:
    std::string path_;
    ReadOptions options_;
    std::unique_ptr<ImageRows> rows_;
    int next_ = 0;
};

struct Result {
    SizedStream stream;
    int width = 0, height = 0, tile_px = 0;
    std::size_t metadata_bytes = 0;
    double load_ms = 0, encode_ms = 0;
};

void print_result(const EncodeCommand& command, const Result& result) {
    const std::size_t bytes = result.stream.bytes.size();
    const double bpp = 8 * static_cast<double>(bytes) / result.width / result.height;
    if (command.common.json) {
        const Json json{{"file", command.out},
                        {"bytes", bytes},
                        {"bpp", bpp},
                        {"width", result.width},
                        {"height", result.height},
                        {"quality_step", result.stream.step},
                        {"tile_px", result.tile_px},
                        {"metadata_bytes", result.metadata_bytes},
                        {"load_ms", result.load_ms},
                        {"encode_ms", result.encode_ms}};
        print_json(json);
        return;
    }
    std::printf("%s: %zu bytes, %.4f bpp, %dx%d, quality step %d of %d\n", one_line(command.out).c_str(), bytes, bpp,
                result.width, result.height, result.stream.step, kHighestQualityStep);
    if (!command.common.verbose) return;
    if (result.tile_px > 0) std::printf("in tiles of %d px\n", result.tile_px);
    if (result.metadata_bytes > 0) std::printf("%zu bytes of alpha, profile and metadata\n", result.metadata_bytes);
    std::printf("weights loaded in %.0f ms, encoded in %.0f ms\n", result.load_ms, result.encode_ms);
}

/// A picture in one piece.
SizedStream encode_piece(const EncodeCommand& command, const Session& session, const fs::path& weights,
                         const Image& image, std::optional<std::size_t> most) {
    if (command.effort > 0) {
        const Refiner refiner(weights, command.effort, LoadOptions{}.realism);
        return most ? refiner.encode_to_size(session, image, *most) : refiner.encode(session, image, command.quality);
    }
    return most ? session.encode_to_size(image, *most) : session.encode(image, command.quality);
}

void run(const EncodeCommand& command) {
    set_threads(command.common.threads);
    check_place(command.out);
    // Two pictures' names are a slip of the hand that would cost the second picture.
    if (is_image_extension(command.out))
        throw Error(Errc::unsupported,
                    command.out + ": expected the name of a stream, such as photo.gnc, found a picture's");
    std::error_code ignored;
    if (fs::equivalent(command.in, command.out, ignored))
        throw Error(Errc::invalid_argument, command.out + ": expected another file than the input, found the same");
    if (command.effort > 0 && command.tile_px.value_or(0) > 0)
        throw Error(Errc::invalid_argument, "--effort: expected a picture in one piece, found --tile-px");
    Attachments attachments;
    ReadOptions options = read_options(command.flatten);
    options.attachments = &attachments;
    FileSource file(command.in, options);
    const ImageRows* rows = file.open();
    Image image;
    if (rows == nullptr) image = read_image(command.in, options);
    Result result;
    result.width = rows != nullptr ? rows->width : image.width;
    result.height = rows != nullptr ? rows->height : image.height;
    const Stopwatch load_clock;
    const fs::path weights = find_codec_weights(command.weights);
    const Session session(weights);
    result.load_ms = load_clock.milliseconds();
    result.tile_px = tile_px(command, result.width, result.height, session.has_one_quality());
    if (result.tile_px == 0 && image.empty()) image = read_image(command.in, options);

    if (!command.keep_metadata) attachments.exif = attachments.xmp = {};
    const Stopwatch encode_clock;
    const CodedAttachments coded(attachments, result.width, result.height);
    result.metadata_bytes = coded.bytes();
    result.stream = naming_file(command.in, [&] {
        std::optional<std::size_t> most;
        if (command.max_bytes) most = *command.max_bytes;
        if (command.bpp) most = bytes_at(*command.bpp, result.width, result.height);
        if (most && *most <= coded.bytes())
            throw Error(Errc::limit, "expected room for " + std::to_string(coded.bytes()) +
                                         " bytes of alpha, profile and metadata, found " + std::to_string(*most));
        if (most) *most -= coded.bytes();
        if (result.tile_px == 0) return encode_piece(command, session, weights, image, most);
        EncodeOptions tiled;
        tiled.tile_px = result.tile_px;
        tiled.memory_bytes = static_cast<std::size_t>(command.memory_mb) << 20;
        const RowSource source = image.empty() ? RowSource(std::ref(file)) : rows_of(image);
        return session.encode_rows(source, result.width, result.height, command.quality, most, tiled);
    });
    if (!coded.empty()) result.stream.bytes = coded.attach(result.stream.bytes);
    if ((command.bpp || command.max_bytes) && result.stream.step == kHighestQualityStep)
        print_note(command.out + ": smaller than asked for, this is the highest quality");
    result.encode_ms = encode_clock.milliseconds();
    write_file(command.out, result.stream.bytes);
    print_result(command, result);
}

}  // namespace

Command add_encode(CLI::App& app) {
    auto command = std::make_shared<EncodeCommand>();
    CLI::App* sub = app.add_subcommand("encode", "Encode a PNG, JPEG or PPM into a .gnc stream");
    sub->add_option("IN", command->in, "Photograph to encode")->required();
    sub->add_option("OUT", command->out, "Stream to write, photo.gnc")->required();
    auto* quality = sub->add_option("-q,--quality", command->quality, "Quality 0 to 100; 50 when nothing is asked for")
                        ->check(within(0, 100));
    auto* bpp =
        sub->add_option("--bpp", command->bpp, "Largest whole file, in bits per pixel")->check(within(1e-4, 100));
    auto* max_bytes =
        sub->add_option("--max-bytes", command->max_bytes, "Largest whole file, in bytes")->check(within(1, 1e15));
    quality->excludes(bpp)->excludes(max_bytes);
    bpp->excludes(max_bytes);
    sub->add_option("-e,--effort", command->effort,
                    "0 to 9: time spent on this picture, for fewer bits; 9 takes about a hundred times as long as 0")
        ->check(within(0, 9))
        ->capture_default_str();
    sub->add_option("--tile-px", command->tile_px,
                    "Side of tiles, a multiple of 64; 0: one piece. 512 above 4 million pixels, else 0, when nothing "
                    "is asked for")
        ->check(within(0, kLargestTilePx));
    sub->add_option("--memory-mb", command->memory_mb,
                    "With tiles: memory to work in, in MB of 2^20 bytes; the program and its weights take 60 more")
        ->check(within(1, 1 << 20))
        ->capture_default_str();
    sub->add_flag("--keep-metadata", command->keep_metadata,
                  "Keep EXIF and XMP, which may tell where and by whom a photograph was taken");
    add_weights(*sub, command->weights);
    add_flatten(*sub, command->flatten);
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    add_verbose(*sub, command->common);
    sub->footer(
        "A target is met from below, header included, by the highest quality that fits; where even the lowest\n"
        "quality is too large the command fails and writes nothing. With tiles, quality is searched on a sample of "
        "the\n"
        "picture and at most five encodings of all of it, until 97 % of the target is filled.\n"
        "Tiles bound the memory, let a part be decoded alone (decode --region) and keep damage in one place\n"
        "(decode --tolerant); the picture shows none of them. Upright PNG, PPM and baseline JPEG are read row by row.\n"
        "Transparency is kept without loss, and a colour profile as it is, of at most 2^20 bytes; --bpp and "
        "--max-bytes "
        "count\n"
        "them. EXIF and XMP are left out without --keep-metadata. Pictures with transparency are read whole.\n"
        "Grey pictures are coded as colour ones (decode --grey writes one channel again), of 16 bits 8 are kept.\n"
        "Examples:\n"
        "  gancodec encode photo.jpg photo.gnc                   quality 50\n"
        "  gancodec encode photo.png photo.gnc --bpp 0.15        at most 0.15 bits per pixel\n"
        "  gancodec encode photo.png photo.gnc --max-bytes 4096\n"
        "  gancodec encode map.png map.gnc --tile-px 256         a tile every 256 pixels\n"
        "  gancodec encode photo.png photo.gnc --bpp 0.15 --effort 9   slowly, for a better picture");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
