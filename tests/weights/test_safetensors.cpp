#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

Bytes file_of(const std::string& header, std::size_t data_bytes) {
    Bytes bytes;
    append_little_endian(bytes, std::uint64_t{header.size()});
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.resize(bytes.size() + data_bytes);
    return bytes;
}

template <class Action>
std::optional<Errc> code_of(Action&& action) {
    try {
        action();
    } catch (const Error& error) {
        CHECK(std::string(error.what()).find('\n') == std::string::npos);
        return error.code();
    }
    return std::nullopt;
}

std::optional<Errc> parse_code(const std::string& header, std::size_t data_bytes) {
    return code_of([&] { static_cast<void>(SafetensorsFile::parse(file_of(header, data_bytes))); });
}

std::string one_tensor(const std::string& fields) { return "{\"a\":{" + fields + "}}"; }

std::filesystem::path scratch_file(const std::string& name) {
    return std::filesystem::temp_directory_path() / ("gancodec_test_" + name);
}

}  // namespace

TEST_CASE("safetensors: a file of the Python package is read") {
    const auto file =
        SafetensorsFile::load(std::filesystem::path(GANCODEC_TEST_DATA) / "weights" / "python.safetensors");
    CHECK(file.metadata().at("licence") == "none");
    CHECK(file.metadata().at("text") == "line\n\"two\" \xC3\xA9");
    CHECK(file.tensors().size() == 11);
    CHECK(file.find("float.f32")->shape == std::vector<int>{2, 3});
    CHECK(file.read_float("float.f32") == std::vector<float>{0.0f, -0.0f, 1.0f, -2.5f, 0.1f, 65504.0f});
    CHECK(file.read_float("float.f16") == std::vector<float>{0.0f, -0.0f, 1.0f, -2.5f, 0x1.998p-4f, 65504.0f});
    CHECK(file.read_float("float.bf16") == std::vector<float>{0.0f, -0.0f, 1.0f, -2.5f, 0x1.9ap-4f, 65536.0f});
    CHECK(file.read_int("int.i8") == std::vector<std::int32_t>{-128, -1, 0, 127});
    CHECK(file.read_int("int.u8") == std::vector<std::int32_t>{0, 1, 128, 255});
    CHECK(file.read_int("int.i16") == std::vector<std::int32_t>{-32768, -1, 32767});
    CHECK(file.read_int("int.u16") == std::vector<std::int32_t>{0, 65535});
    CHECK(file.read_int("int.i32") == std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::min(), 2147483647});
    CHECK(file.find("other.i64")->shape.empty());
    CHECK(file.read_float("other.empty").empty());
    CHECK(file.read_float("name \"quoted\" \\ \xC3\xBC \xF0\x9F\x98\x80") == std::vector<float>{1.5f});
    CHECK(file.find("nothing") == nullptr);
    CHECK(code_of([&] { static_cast<void>(file.read_float("nothing")); }) == Errc::wrong_weights);
    CHECK(code_of([&] { static_cast<void>(file.read_float("int.i8")); }) == Errc::wrong_weights);
    CHECK(code_of([&] { static_cast<void>(file.read_int("other.i64")); }) == Errc::wrong_weights);
}

TEST_CASE("safetensors: what the writer writes is read back") {
    const std::vector<float> numbers = {0.0f, 1.5f, -0.25f, 1e-3f, 3.0f, 700.0f};
    const std::vector<std::int32_t> small = {-128, 0, 127}, large = {0, 40000, 65535};
    SafetensorsWriter writer;
    writer.metadata("training", "a \"quote\", a \\, a tab \t and \xE2\x82\xAC");
    writer.add_float("b.weight", {2, 3}, numbers);
    writer.add_float("b.f16", {6}, numbers, Dtype::f16);
    writer.add_float("b.bf16", {1, 6, 1}, numbers, Dtype::bf16);
    writer.add_int("a.i8", {3}, small, Dtype::i8);
    writer.add_int("a.u16", {3}, large, Dtype::u16);
    writer.add_int("a.i32", {3}, small);
    writer.add_float("scalar", {}, std::vector<float>{4.0f});
    const Bytes bytes = writer.bytes();
    const auto file = SafetensorsFile::parse(bytes);
    CHECK(file.metadata().at("training") == "a \"quote\", a \\, a tab \t and \xE2\x82\xAC");
    CHECK(file.read_float("b.weight") == numbers);
    CHECK(file.read_float("b.f16")[3] == f16_to_float(float_to_f16(1e-3f)));
    CHECK(file.read_float("b.bf16")[3] == bf16_to_float(float_to_bf16(1e-3f)));
    CHECK(file.find("b.bf16")->shape == std::vector<int>{1, 6, 1});
    CHECK(file.read_int("a.i8") == small);
    CHECK(file.read_int("a.u16") == large);
    CHECK(file.read_int("a.i32") == small);
    CHECK(file.find("scalar")->shape.empty());
    for (const auto& [name, tensor] : file.tensors()) CHECK(tensor.begin % dtype_bytes(tensor.dtype) == 0);

    const auto path = scratch_file("roundtrip.safetensors");
    writer.save(path);
    writer.save(path);  // a second time over the first
    const auto loaded = SafetensorsFile::load(path);
    CHECK(loaded.read_float("b.weight") == numbers);
    CHECK_FALSE(std::filesystem::exists(path.string() + ".part"));
    std::filesystem::remove(path);
}

TEST_CASE("safetensors: the bytes do not depend on the order of the calls") {
    const std::vector<float> numbers = {1.0f, 2.0f};
    SafetensorsWriter one, two;
    one.add_float("x", {2}, numbers);
    one.add_float("y", {2}, numbers, Dtype::f16);
    one.metadata("k", "v");
    two.metadata("k", "v");
    two.add_float("y", {2}, numbers, Dtype::f16);
    two.add_float("x", {2}, numbers);
    CHECK(one.bytes() == two.bytes());
}

TEST_CASE("safetensors: the writer refuses what it cannot write") {
    const std::vector<float> numbers = {1.0f, 70000.0f};
    const std::vector<std::int32_t> integers = {0, 256};
    SafetensorsWriter writer;
    writer.add_float("x", {2}, numbers);
    const auto refused = [&](auto&& action) { return code_of(action) == Errc::invalid_argument; };
    CHECK(refused([&] { writer.add_float("x", {2}, numbers); }));
    CHECK(refused([&] { writer.add_float("y", {3}, numbers); }));
    CHECK(refused([&] { writer.add_float("y", {-2}, numbers); }));
    CHECK(refused([&] { writer.add_float("y", {2}, numbers, Dtype::f16); }));
    CHECK(refused([&] { writer.add_float("y", {2}, numbers, Dtype::i8); }));
    CHECK(refused([&] { writer.add_int("y", {2}, integers, Dtype::u8); }));
    CHECK(refused([&] { writer.add_int("y", {2}, integers, Dtype::i64); }));
    CHECK(refused([&] { writer.add_float("\xFF", {2}, numbers); }));
    CHECK(refused([&] { writer.add_float("__metadata__", {2}, numbers); }));
    CHECK(refused([&] { writer.metadata("k", "\xC0\x80"); }));
    CHECK(SafetensorsFile::parse(writer.bytes()).tensors().size() == 1);
    CHECK(code_of([&] { writer.save(scratch_file("no/such/folder/x.safetensors")); }) == Errc::io);
}

TEST_CASE("safetensors: hostile headers are refused") {
    const std::string good = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]";
    REQUIRE(parse_code(one_tensor(good), 8) == std::nullopt);
    REQUIRE(parse_code("{}", 0) == std::nullopt);
    REQUIRE(parse_code("{\"__metadata__\":{}}   \n", 0) == std::nullopt);
    const auto corrupt = [](const std::string& header, std::size_t data_bytes) {
        CAPTURE(header, data_bytes);
        CHECK(parse_code(header, data_bytes) == Errc::corrupt_weights);
    };
    corrupt(one_tensor(good), 7);
    corrupt(one_tensor(good), 9);
    corrupt("", 0);
    corrupt("[]", 0);
    corrupt("{", 0);
    corrupt("{}x", 0);
    corrupt("{\"a\":1}", 0);
    corrupt("{\"a\":{}}", 0);
    corrupt("{\"a\":{" + good + "},}", 8);
    corrupt("{\"a\":{" + good + "},\"a\":{" + good + "}}", 8);
    corrupt("{\"a\":{" + good + "},\"b\":{" + good + "}}", 8);  // overlap
    corrupt("{\"__metadata__\":{},\"__metadata__\":{}}", 0);
    corrupt("{\"__metadata__\":{\"k\":\"v\",\"k\":\"w\"}}", 0);
    corrupt("{\"__metadata__\":{\"k\":1}}", 0);
    corrupt("{\"__metadata__\":{\"k\":{\"k\":\"v\"}}}", 0);
    corrupt(one_tensor(good + ",\"dtype\":\"F32\""), 8);
    corrupt(one_tensor(good + ",\"colour\":\"blue\""), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2]"), 8);
    corrupt(one_tensor("\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]"), 8);
    corrupt(one_tensor("\"dtype\":32,\"shape\":[2],\"data_offsets\":[0,8]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]"), 9);  // a gap
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,16]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,18446744073709551615]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,18446744073709551624]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[02],\"data_offsets\":[0,8]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[2147483648],\"data_offsets\":[0,8]"), 8);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]"), 8);
    // 2^64 + 8 bytes, and 2^66 bytes: products that would wrap around
    corrupt(one_tensor("\"dtype\":\"U8\",\"shape\":[65536,65536,65536,65536],\"data_offsets\":[0,0]"), 0);
    corrupt(one_tensor("\"dtype\":\"F32\",\"shape\":[65536,65536,65536,32768],\"data_offsets\":[0,0]"), 0);
}

TEST_CASE("safetensors: strings are strict") {
    const auto name = [](const std::string& text) {
        return parse_code("{\"__metadata__\":{\"k\":\"" + text + "\"}}", 0);
    };
    for (const char* good :
         {"", "\\u00e9\\ud83d\\ude00", "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\xC3\xA9", "\xF4\x8F\xBF\xBF", "\\u0000"}) {
        CAPTURE(good);
        CHECK(name(good) == std::nullopt);
    }
    for (const char* bad : {"\\x",
                            "\\",
                            "\\u12",
                            "\\u12g4",
                            "\\ud83d",
                            "\\ud83dx",
                            "\\ud83d\\u0041",
                            "\\ude00",
                            "\n",
                            "\x01",
                            "\x80",
                            "\xC3",
                            "\xC0\x80",
                            "\xC1\xBF",
                            "\xE0\x80\x80",
                            "\xE2\x82",
                            "\xED\xA0\x80",
                            "\xF0\x80\x80\x80",
                            "\xF4\x90\x80\x80",
                            "\xF5\x80\x80\x80",
                            "\xFF"}) {
        CAPTURE(bad);
        CHECK(name(bad) == Errc::corrupt_weights);
    }
    const auto file =
        SafetensorsFile::parse(file_of("{\"__metadata__\":{\"k\":\"\\u00e9\\u20ac\\ud83d\\ude00\\n\"}}", 0));
    CHECK(file.metadata().at("k") == "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n");
}

TEST_CASE("safetensors: header lengths beyond the file are refused before anything is allocated") {
    const auto with_length = [](std::uint64_t length) {
        Bytes bytes;
        append_little_endian(bytes, length);
        bytes.push_back('{');
        bytes.push_back('}');
        return code_of([&] { static_cast<void>(SafetensorsFile::parse(bytes)); });
    };
    CHECK(with_length(2) == std::nullopt);
    for (const std::uint64_t length :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{1} << 60,
          std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max() - 7})
        CHECK(with_length(length) == Errc::corrupt_weights);
}

TEST_CASE("safetensors: a file cut anywhere is refused, one with a flipped bit never misbehaves") {
    SafetensorsWriter writer;
    writer.metadata("k", "v");
    writer.add_float("a", {2, 2}, std::vector<float>{1, 2, 3, 4}, Dtype::f16);
    writer.add_float("b", {3}, std::vector<float>{1, 2, 3});
    const Bytes whole = writer.bytes();
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const ByteView cut(whole.data(), length);
        CHECK(code_of([&] { static_cast<void>(SafetensorsFile::parse(cut)); }) == Errc::corrupt_weights);
    }
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        Bytes flipped = whole;
        flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
        const auto code = code_of([&] {
            const auto file = SafetensorsFile::parse(flipped);
            for (const auto& [name, tensor] : file.tensors()) CHECK(file.raw(name).size() <= whole.size());
        });
        CHECK((code == std::nullopt || code == Errc::corrupt_weights));
    }
}

TEST_CASE("safetensors: paths that are not weights files are refused") {
    CHECK(code_of([] { static_cast<void>(SafetensorsFile::load(scratch_file("missing"))); }) == Errc::io);
    CHECK(code_of([] { static_cast<void>(SafetensorsFile::load(std::filesystem::temp_directory_path())); }) ==
          Errc::io);
    const auto path = scratch_file("empty");
    std::ofstream(path).close();
    CHECK(code_of([&] { static_cast<void>(SafetensorsFile::load(path)); }) == Errc::corrupt_weights);
    std::filesystem::remove(path);
}

TEST_CASE("require_tensors: one error lists everything") {
    SafetensorsWriter writer;
    for (const char* name : {"right", "bent", "extra\n1", "extra2"})
        writer.add_float(name, {2}, std::vector<float>{1, 2});
    const auto file = SafetensorsFile::parse(writer.bytes(), "some.safetensors");
    const std::vector<TensorRequest> requests = {{"right", {2}}, {"bent", {2, 1}}, {"lost1", {3}}, {"lost2", {}}};
    try {
        require_tensors(file, requests);
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::wrong_weights);
        const std::string message = error.what();
        CHECK(message ==
              "some.safetensors: expected the tensors of another architecture; missing: \"lost1\" \"lost2\"; of "
              "another shape: "
              "\"bent\" (expected [2, 1], found [2]); unexpected: \"extra\\u000a1\" \"extra2\"");
    }
    CHECK(code_of([&] { require_tensors(file, std::vector<TensorRequest>{{"right", {2}}}); }) == Errc::wrong_weights);
    CHECK(code_of([&] { require_tensors(file, std::vector<TensorRequest>{{"right", {2}}}, ExtraTensors::allow); }) ==
          std::nullopt);
}
