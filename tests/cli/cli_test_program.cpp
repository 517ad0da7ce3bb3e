// Commands, exit statuses, one-line errors.

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/bench.hpp"
#include "gancodec/weights/safetensors_writer.hpp"

using namespace gancodec;
using namespace gancodec::cli;

TEST_CASE("images of every size make the round trip", "[program]") {
    const Bench& bench = Bench::get();
    for (const char* size : {"1x1", "7x5", "1x3000", "192x176"}) {
        const std::string name = size;
        const Json encoded = Json::parse(bench.good({"encode", name + ".png", name + ".gnc", "--json"}));
        CHECK(encoded["bytes"] == fs::file_size(bench.path(name + ".gnc")));
        const Json info = Json::parse(bench.good({"info", name + ".gnc", "--json"}));
        CHECK(info["overhead_bytes"] <= 24);
        CHECK(info["width"] == encoded["width"]);
        for (const char* extension : {".png", ".jpg", ".ppm"}) {
            static_cast<void>(bench.good({"decode", name + ".gnc", "decoded_" + name + extension}));
            const Image decoded = read_image(bench.path("decoded_" + name + extension));
            CHECK(decoded.width == encoded["width"]);
            CHECK(decoded.height == encoded["height"]);
        }
        const Json figures = Json::parse(
            bench.good({"metrics", name + ".png", "decoded_" + name + ".png", "--json", "--lpips", "none"}));
        CHECK(figures["psnr"] > 5.0);
    }
}

TEST_CASE("decoding does not depend on the number of threads", "[program]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"encode", "192x176.png", "t1.gnc", "--threads", "1"}));
    static_cast<void>(bench.good({"encode", "192x176.png", "t3.gnc", "--threads", "3"}));
    CHECK(read_file(bench.path("t1.gnc")) == read_file(bench.path("t3.gnc")));
    static_cast<void>(bench.good({"decode", "t1.gnc", "t1.ppm", "--threads", "1"}));
    static_cast<void>(bench.good({"decode", "t1.gnc", "t3.ppm", "--threads", "3"}));
    CHECK(read_file(bench.path("t1.ppm")) == read_file(bench.path("t3.ppm")));
}

TEST_CASE("decoding in bf16 says that it leaves the exact mode", "[program]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"encode", "192x176.png", "close.gnc"}));
    const Outcome outcome = bench.run({"decode", "close.gnc", "close.ppm", "--precision", "bf16"});
    CHECK(outcome.status == 0);
    CHECK(outcome.error.find("--precision bf16") != std::string::npos);
    CHECK(Json::parse(bench.good({"decode", "close.gnc", "close.ppm", "--json"}))["precision"] == "fp32");
    static_cast<void>(bench.bad(2, {"decode", "close.gnc", "close.ppm", "--precision", "fp8"}));
}

TEST_CASE("a target is met from below or missed loudly", "[program]") {
    const Bench& bench = Bench::get();
    const auto size_at = [&](const char* quality) {
        return Json::parse(bench.good({"encode", "192x176.png", "q.gnc", "--quality", quality, "--json"}))["bytes"]
            .get<long>();
    };
    const long low = size_at("0"), high = size_at("100");
    REQUIRE(low < high);
    const long middle = (low + high) / 2;
    const Json met =
        Json::parse(bench.good({"encode", "192x176.png", "m.gnc", "--max-bytes", std::to_string(middle), "--json"}));
    CHECK(met["bytes"] <= middle);
    CHECK(met["bytes"] > low);
    const double bpp = 8.0 * static_cast<double>(middle) / (192 * 176);
    const Json by_rate =
        Json::parse(bench.good({"encode", "192x176.png", "r.gnc", "--bpp", std::to_string(bpp), "--json"}));
    CHECK(by_rate["bpp"] <= bpp);
    const std::string missed =
        bench.bad(1, {"encode", "192x176.png", "missed.gnc", "--max-bytes", std::to_string(low - 1)});
    CHECK(missed.find("found " + std::to_string(low) + " bytes") != std::string::npos);
    CHECK(!fs::exists(bench.path("missed.gnc")));
}

TEST_CASE("wrong files are refused in one line that names them", "[program]") {
    const Bench& bench = Bench::get();
    bench.write("", "empty");
    static_cast<void>(bench.good({"encode", "192x176.png", "whole.gnc"}));
    const std::string stream = text_of(bench.path("whole.gnc"));
    bench.write(stream.substr(0, stream.size() / 2), "half.gnc");
    bench.write(std::string("P6\n1 1 255\n\0\0", 13), "cut.ppm");
    const std::string weights = text_of(bench.path("run/gancodec.safetensors"));
    bench.write(weights.substr(0, weights.size() - 1), "cut.safetensors");
    bench.write("\xff\xff\xff\xff\xff\xff\xff\x0f{}", "huge.safetensors");

    CHECK(bench.bad(1, {"decode", "empty", "x.png"}).find("empty") != std::string::npos);
    CHECK(bench.bad(1, {"decode", "192x176.png", "x.png"}).find("192x176.png") != std::string::npos);
    CHECK(bench.bad(1, {"decode", "half.gnc", "x.png"}).find("half.gnc") != std::string::npos);
    CHECK(bench.bad(1, {"decode", "missing", "x.png"}).find("missing") != std::string::npos);
    CHECK(bench.bad(1, {"decode", "whole.gnc", "x.gif"}).find("x.gif") != std::string::npos);
    CHECK(bench.bad(1, {"decode", "whole.gnc", "none/x.png"}).find("none/x.png") != std::string::npos);
    CHECK(bench.bad(1, {"decode", "whole.gnc", "x.png", "--weights", "cut.safetensors"}).find("cut.safetensors") !=
          std::string::npos);
    CHECK(bench.bad(1, {"decode", "whole.gnc", "x.png", "--weights", "huge.safetensors"}).find("huge.safetensors") !=
          std::string::npos);
    CHECK(bench.bad(1, {"encode", "cut.ppm", "x.gnc"}).find("cut.ppm") != std::string::npos);
    CHECK(bench.bad(1, {"encode", "photos", "x.gnc"}).find("photos") != std::string::npos);
    CHECK(bench.bad(1, {"encode", "192x176.png", "7x5.png"}).find("such as photo.gnc") != std::string::npos);
    CHECK(bench.bad(1, {"encode", "whole.gnc", "whole.gnc"}).find("the same") != std::string::npos);
    CHECK(bench.bad(1, {"info", "192x176.png"}).find("192x176.png") != std::string::npos);
    CHECK(bench.bad(1, {"info", "half.gnc"}).find("half.gnc") != std::string::npos);
    CHECK(bench.bad(1, {"metrics", "7x5.png", "192x176.png"}).find("192x176.png") != std::string::npos);
    CHECK(bench.bad(1, {"train", "--data", "none", "--out", "run2"}).find("none") != std::string::npos);
    CHECK(bench.bad(1, {"train", "--data", "photos", "--out", "run"}).find("--resume") != std::string::npos);
    CHECK(!fs::exists(bench.path("x.png")));
}

TEST_CASE("wrong usage is status 2, help is status 0", "[program]") {
    const Bench& bench = Bench::get();
    for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                  {"frobnicate"},
                                                  {"encode"},
                                                  {"encode", "a"},
                                                  {"encode", "a", "b", "c"},
                                                  {"encode", "a", "b", "--quality", "101"},
                                                  {"encode", "a", "b", "--quality", "x"},
                                                  {"encode", "a", "b", "--frob"},
                                                  {"encode", "a", "b", "--quality", "1", "--bpp", "1"},
                                                  {"encode", "a", "b", "--max-bytes", "-3"},
                                                  {"decode", "a", "b", "--threads", "-1"},
                                                  {"encode", "a", "b", "--flatten", "mauve"},
                                                  {"train", "--data", "photos"}})
        CHECK(bench.bad(2, words).find("--help") != std::string::npos);
    for (const char* command : {"encode", "decode", "info", "train", "export", "metrics", "eval", "demo", "lab"}) {
        const std::string help = bench.good({command, "--help"});
        CHECK(help.find("e+0") == std::string::npos);  // numbers in full
        CHECK(help.find("Examples:") != std::string::npos);
    }
    CHECK(bench.bad(2, {"frobnicate", "a", "b"}).find("expected a command, found frobnicate") != std::string::npos);
    CHECK(bench.good({"--version"}).rfind("gancodec ", 0) == 0);
}

TEST_CASE("transparency, 16 bits and opaque alpha are never dropped silently", "[program]") {
    const Bench& bench = Bench::get();
    // 2x1, 16-bit RGB in a PPM.
    bench.write(std::string("P6\n2 1 65535\n\x12\x34\x56\x78\x9a\xbc\x12\x34\x56\x78\x9a\xbc", 25), "deep.ppm");
    const Outcome outcome = bench.run({"encode", "deep.ppm", "deep.gnc"});
    CHECK(outcome.status == 0);
    CHECK(outcome.error == "note: deep.ppm: 16 bits per channel were reduced to 8\n");
}

TEST_CASE("eval prints a row per quality and writes its CSV and sheet", "[program]") {
    const Bench& bench = Bench::get();
    const Json json = Json::parse(
        bench.good({"eval", "--data", "photos", "--levels", "2", "--json", "--csv", "all.csv", "--sheet", "all.png"}));
    REQUIRE(json["means"].size() == 2);
    REQUIRE(json["samples"].size() == 6);
    CHECK(json["means"][0]["bpp"] < json["means"][1]["bpp"]);
    double sum = 0;
    for (const auto& sample : json["samples"])
        if (sample["point"] == json["means"][0]["point"]) sum += sample["bpp"].get<double>();
    CHECK(std::abs(sum / 3 - json["means"][0]["bpp"].get<double>()) < 1e-12);
    const std::string csv = text_of(bench.path("all.csv"));
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 7);
    CHECK(read_image(bench.path("all.png")).width > 3 * 150);
}

TEST_CASE("eval meets rates from below and fails when it cannot", "[program]") {
    const Bench& bench = Bench::get();
    const Json json = Json::parse(bench.good({"eval", "--data", "photos", "--bpp", "6", "--json"}));
    for (const auto& sample : json["samples"]) CHECK(sample["bpp"] <= 6.0);
    const Outcome missed = bench.run({"eval", "--data", "photos", "--bpp", "0.001", "--json"});
    CHECK(missed.status == 1);
    CHECK(missed.error.find("found 3 missed") != std::string::npos);
    CHECK(Json::parse(missed.out)["samples"].size() == 3);
}

TEST_CASE("demo compares with JPEG at no more bytes, or says that it cannot", "[program]") {
    const Bench& bench = Bench::get();
    const Json json = Json::parse(bench.good({"demo", "192x176.png", "--out", "shown", "--bpp", "6,8", "--json"}));
    REQUIRE(json["results"].size() == 4);
    for (std::size_t i = 0; i < 4; i += 2) {
        const Json &ours = json["results"][i], &jpeg = json["results"][i + 1];
        CHECK((jpeg.contains("remark") || jpeg["bytes"] <= ours["bytes"]));
        CHECK((ours.contains("remark") || ours["bpp"] <= (i == 0 ? 6.0 : 8.0)));
        CHECK(ours["encode_ms"] > 0.0);
        CHECK(ours["decode_ms"] > 0.0);
    }
    CHECK(read_image(bench.path("shown/side_by_side.png")).width > 3 * 192);
    CHECK(read_file(bench.path("shown/gancodec_6.00bpp.gnc")).size() == json["results"][0]["bytes"]);
}

TEST_CASE("training that was stopped and resumed ends where training that was not ends, bit for bit", "[program]") {
    const Bench& bench = Bench::get();
    bench.write(R"({"steps": 3, "batch": 1, "lpips_weight": 0, "checkpoint_steps": 1})", "three.json");
    static_cast<void>(bench.good({"train", "--data", "photos", "--out", "straight", "--recipe", "three.json"}));
    // Stopped as soon as there is a checkpoint; whichever step that is, the end must be the same.
    const std::string stop =
        "cd '" + bench.path("") +
        "' && { '" GANCODEC_PROGRAM
        "' train --data photos --out parts --recipe three.json > part.txt & } && pid=$! && "
        "while [ ! -e parts/checkpoint.safetensors ] && kill -0 $pid; do sleep 0.02; done; kill -TERM $pid; wait $pid";
    REQUIRE(std::system(stop.c_str()) == 0);
    const Json summary = Json::parse(bench.good({"train", "--data", "photos", "--out", "parts", "--resume", "--json"}));
    CHECK(summary["finished"] == true);
    check_same_tensors(bench.path("straight/checkpoint.safetensors"), bench.path("parts/checkpoint.safetensors"));
    static_cast<void>(
        bench.good({"encode", "192x176.png", "straight.gnc", "--weights", "straight/gancodec.safetensors"}));
    static_cast<void>(bench.good({"encode", "192x176.png", "parts.gnc", "--weights", "parts/gancodec.safetensors"}));
    CHECK(read_file(bench.path("straight.gnc")) == read_file(bench.path("parts.gnc")));
}

TEST_CASE("a checkpoint is exported to the weights that its own training wrote", "[program]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"export", "run/checkpoint.safetensors", "exported.safetensors"}));
    const auto trained = SafetensorsFile::load(bench.path("run/gancodec.safetensors"));
    const auto exported = SafetensorsFile::load(bench.path("exported.safetensors"));
    REQUIRE(exported.tensors().size() == trained.tensors().size());
    for (const auto& [name, tensor] : trained.tensors())
        CHECK(std::ranges::equal(exported.raw(name), trained.raw(name)));
    for (const char* key : {"entropy_id", "self_test_stream", "self_test_pixels"})
        CHECK(exported.metadata().at(key) == trained.metadata().at(key));
    SafetensorsWriter neither;
    neither.add_float("encoder.1.bias", {1}, std::vector<float>{0});
    neither.save(bench.path("neither.safetensors"));
    CHECK(bench.bad(1, {"export", "neither.safetensors", "again.safetensors"}).find("average.") != std::string::npos);
}

TEST_CASE("weights become smaller in 8 bits, and read each other's streams", "[program]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"export", "run/gancodec.safetensors", "small.safetensors", "--format", "int8"}));
    CHECK(std::filesystem::file_size(bench.path("small.safetensors")) * 10 <
          std::filesystem::file_size(bench.path("run/gancodec.safetensors")) * 6);
    static_cast<void>(bench.good({"encode", "192x176.png", "small.gnc", "--weights", "small.safetensors"}));
    static_cast<void>(bench.good({"decode", "small.gnc", "small.png", "--weights", "run/gancodec.safetensors"}));
    static_cast<void>(bench.bad(2, {"export", "run/gancodec.safetensors", "small.safetensors", "--format", "int4"}));
}

TEST_CASE("an adversarial stage starts from weights, keeps their streams and resumes", "[program]") {
    const Bench& bench = Bench::get();
    const std::string recipe =
        R"("stage": "adversarial", "batch": 1, "content": {"lpips": 0}, "augmentation": {"crop_px": 128},
           "discriminator": "patch_slim", "discriminator_only_steps": 0)";
    bench.write("{\"steps\": 2, " + recipe + "}", "two.json");
    bench.write("{\"steps\": 1, " + recipe + "}", "one.json");
    const auto train = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"train", "--data", "photos", "--json"});
        return Json::parse(bench.good(words));
    };
    CHECK(train({"--out", "gan", "--recipe", "two.json", "--start", "run/gancodec.safetensors"})["finished"] == true);
    // From the stage-1 checkpoint instead, whose averages are those weights; then on with another recipe.
    static_cast<void>(train({"--out", "gan2", "--recipe", "one.json", "--start", "run/checkpoint.safetensors"}));
    CHECK(train({"--out", "gan2", "--recipe", "two.json", "--resume"})["steps"] == 2);
    for (const char* name : {"run", "gan", "gan2"})
        static_cast<void>(bench.good({"encode", "192x176.png", std::string(name) + ".gnc", "--weights",
                                      std::string(name) + "/gancodec.safetensors"}));
    CHECK(read_file(bench.path("gan.gnc")) == read_file(bench.path("run.gnc")));
    CHECK(read_file(bench.path("gan2.gnc")) == read_file(bench.path("run.gnc")));
    CHECK(text_of(bench.path("gan/log.jsonl")).find("\"told_apart\"") != std::string::npos);
    CHECK(bench.bad(1, {"train", "--data", "photos", "--out", "none", "--recipe", "recipe.json", "--start", "x"})
              .find("--start") != std::string::npos);
}

TEST_CASE("the laboratory writes a page, the same one every time", "[program]") {
    const Bench& bench = Bench::get();
    const auto page = [&](const std::string& folder) {
        static_cast<void>(bench.good({"lab", "spectral_norm", "--steps", "20", "--seeds", "2", "--out", folder}));
        CHECK(text_of(bench.path(folder + "/spectral_norm.svg")).find("<polyline") != std::string::npos);
        return text_of(bench.path(folder + "/spectral_norm.md"));
    };
    const std::string first = page("lab1");
    CHECK(first.find("of 25 modes") != std::string::npos);
    CHECK(page("lab2") == first);
    static_cast<void>(
        bench.good({"lab", "minibatch_discrimination", "unrolled", "--steps", "3", "--seeds", "1", "--out", "lab3"}));
    static_cast<void>(bench.bad(2, {"lab", "alchemy"}));
}

TEST_CASE("a stream is refused by the weights of another training", "[program]") {
    const Bench& bench = Bench::get();
    bench.write(R"({"seed": 77, "steps": 1, "batch": 1, "lpips_weight": 0})", "other.json");
    static_cast<void>(bench.good({"train", "--data", "photos", "--out", "other", "--recipe", "other.json"}));
    static_cast<void>(bench.good({"encode", "7x5.png", "mine.gnc"}));
    const std::string line = bench.bad(1, {"decode", "mine.gnc", "x.png", "--weights", "other/gancodec.safetensors"});
    CHECK(line.find("expected weights whose entropy id ends in") != std::string::npos);
}

TEST_CASE("recipes with unknown or impossible members are refused by name", "[program]") {
    const Bench& bench = Bench::get();
    const auto refused = [&](const std::string& recipe) {
        bench.write(recipe, "wrong.json");
        return bench.bad(1, {"train", "--data", "photos", "--out", "wrong", "--recipe", "wrong.json"});
    };
    CHECK(refused(R"({"step": 3, "adam": {"beta3": 1}})").find("step adam/beta3") != std::string::npos);
    CHECK(refused(R"({"steps": "many"})").find("a whole number") != std::string::npos);
    CHECK(refused(R"({"steps": 0})").find("at least 1") != std::string::npos);
    CHECK(refused(R"({"lambdas": [1, 2]})").find("lambdas") != std::string::npos);
    CHECK(refused(R"({"stage": "magic"})").find("reconstruction, adversarial") != std::string::npos);
    CHECK(refused(R"({"stage": "adversarial", "adversarial": {"loss": "huge"}})").find("hinge") != std::string::npos);
    CHECK(refused(R"({"stage": "adversarial", "adaptive_weights": "yes"})").find("gradient_balance, uncertainty") !=
          std::string::npos);
    CHECK(refused("[1, 2").find("a JSON object") != std::string::npos);
    CHECK(refused(R"({"optimizer": "adagrad"})").find("optimizer: expected one of adam, rms_prop, sgd") !=
          std::string::npos);
    CHECK(refused(R"({"learning_rate": {"shape": "square"}})").find("learning_rate/shape") != std::string::npos);
    CHECK(
        refused(R"({"curriculum": {"crop_phases": [{"from": 1}]}})").find("curriculum/crop_phases: expected a list") !=
        std::string::npos);
    CHECK(
        refused(
            R"({"lpips_weight": 0, "curriculum": {"crop_phases": [{"from": 1, "crop_px": 100, "smallest_scale": 1}]}})")
            .find("crops of a multiple of 64") != std::string::npos);
    CHECK(
        refused(R"({"lpips_weight": 0, "target_rate": {"bpp": [0.1]}})").find("target_rate/bpp: expected none or 6") !=
        std::string::npos);
    CHECK(refused(R"({"lpips_weight": 0, "augmentation": {"synthetic_share": 2}})")
              .find("augmentation/synthetic_share: expected 0 to 1") != std::string::npos);
    CHECK(refused(R"({"stage": "adversarial", "discriminator": "oracle"})").find("pix2pix, minibatch_discrimination") !=
          std::string::npos);
    CHECK(refused(R"({"learning_rate": {"step_every": 0}})").find("learning_rate/step_every") != std::string::npos);
    CHECK(refused(R"({"freeze": "encoder.*"})").find("freeze: expected a list of words") != std::string::npos);
    CHECK(refused(R"({"lpips_weight": 0, "freeze": ["encodr.*"]})").find("freeze: expected a pattern") !=
          std::string::npos);
    CHECK(refused(R"({"rate_factors": [{"pattern": "encoder.*"}]})").find("rate_factors: expected a list such as") !=
          std::string::npos);
    CHECK(refused(R"({"rate_factors": [{"pattern": "e", "factor": -1}]})").find("rate_factors: factor: expected at") !=
          std::string::npos);
    CHECK(refused(R"({"lpips_weight": 0, "load": ["encoder.*"]})").find("--start") != std::string::npos);
}

TEST_CASE("files of CompressAI are read when asked for, with weights of theirs", "[program]") {
    const Bench& bench = Bench::get();
    const fs::path goldens = fs::path(GANCODEC_SOURCE_DIR) / "tests" / "data" / "compressai";
    const std::string small = (goldens / "bmshj2018-hyperprior.safetensors").string();
    const auto file = SafetensorsFile::load(small);
    const ByteView raw = file.raw("stream.0");
    bench.write(std::string(raw.begin(), raw.end()), "a.cai");
    bench.write(std::string(raw.begin(), raw.end() - 9), "half.cai");
    const auto decode = [&](const std::string& in, const std::string& weights) {
        std::vector<std::string> words = {"decode", in, "x.png", "--format", "compressai"};
        if (!weights.empty()) words.insert(words.end(), {"--weights", weights});
        return bench.bad(1, words);
    };
    CHECK(decode("a.cai", "").find("--weights") != std::string::npos);
    CHECK(decode("half.cai", small).find("half.cai") != std::string::npos);
    CHECK(decode("a.cai", small).find("128/192 or 192/320, found \"bmshj2018-hyperprior\" with \"4/6\"") !=
          std::string::npos);
    CHECK(bench.bad(1, {"encode", "192x176.png", "x.gnc", "--weights", small})
              .find("128/192 or 192/320, found \"4/6\"") != std::string::npos);
    CHECK(bench
              .bad(1, {"encode", "192x176.png", "x.gnc", "--weights",
                       (goldens.parent_path() / "zoo" / "hific.safetensors").string()})
              .find("220/60/320/9 or 220/60/320/7, found \"5/2/6/1\"") != std::string::npos);
    CHECK(bench.bad(1, {"decode", "a.cai", "x.png", "--format", "compressai", "--weights", small, "--realism", "0"})
              .find("--realism") != std::string::npos);
    CHECK(decode("a.cai", "run/gancodec.safetensors").find("gancodec.safetensors") != std::string::npos);
    CHECK(bench.bad(1, {"decode", "a.cai", "x.png"}).find("magic") != std::string::npos);
    CHECK(bench.bad(2, {"decode", "a.cai", "x.png", "--format", "jpeg"}).find("--help") != std::string::npos);
}
