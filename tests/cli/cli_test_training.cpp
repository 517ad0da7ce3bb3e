// What can happen to a training run: it is killed, the disk is full, a picture is damaged.

#include <algorithm>
#include <cstdlib>
#include <string>

#include "cifar.hpp"
#include "cli/bench.hpp"
#include "image_folder.hpp"
#include "recipe_file.hpp"
#include "run_log.hpp"

using namespace gancodec;
using namespace gancodec::cli;

namespace {

const std::string kShort =
    R"({"batch": 1, "augmentation": {"crop_px": 128}, "lpips_weight": 0, "checkpoint_steps": 1, )";

}  // namespace

TEST_CASE("training that is killed while it writes a checkpoint resumes and ends where it would have", "[program]") {
    const Bench& bench = Bench::get();
    bench.write(kShort + R"("steps": 4})", "four.json");
    static_cast<void>(bench.good({"train", "--data", "photos", "--out", "alive", "--recipe", "four.json"}));
    const std::string start =
        "cd '" + bench.path("") +
        "' && { '" GANCODEC_PROGRAM
        "' train --data photos --out killed --resume --recipe four.json 2> killed.txt > nothing.txt & } && pid=$! && "
        "while kill -0 $pid && ! ls killed/checkpoint.safetensors.part$pid; do :; done > nothing.txt 2>&1; "
        "kill -9 $pid; wait $pid; true";
    REQUIRE(std::system(start.c_str()) == 0);
    CHECK(PendingFile::leftovers(bench.path("killed")).size() == 1);
    REQUIRE(std::system(start.c_str()) == 0);
    CHECK(text_of(bench.path("killed.txt")).find("removed; a program was ended while it wrote this") !=
          std::string::npos);
    const Outcome resumed = bench.run({"train", "--data", "photos", "--out", "killed", "--resume"});
    INFO(resumed.error);
    REQUIRE(resumed.status == 0);
    CHECK(PendingFile::leftovers(bench.path("killed")).empty());
    check_same_tensors(bench.path("alive/checkpoint.safetensors"), bench.path("killed/checkpoint.safetensors"));
}

TEST_CASE("training on a full disk goes on, keeps the checkpoint it has, and says so", "[program]") {
    const Bench& bench = Bench::get();
    bench.write(kShort + R"("steps": 1})", "full1.json");
    bench.write(kShort + R"("steps": 3})", "full3.json");
    static_cast<void>(bench.good({"train", "--data", "photos", "--out", "full", "--recipe", "full1.json"}));
    const Bytes before = read_file(bench.path("full/checkpoint.safetensors"));
    // No file may grow beyond half a megabyte: the recipe and the log fit, a checkpoint does not.
    const std::string limited = "cd '" + bench.path("") +
                                "' && ulimit -f 512 && '" GANCODEC_PROGRAM
                                "' train --data photos --out full --resume --recipe full3.json > full.txt 2>&1";
    const int status = std::system(limited.c_str());
    CHECK(WEXITSTATUS(status) == 1);
    const std::string told = text_of(bench.path("full.txt"));
    INFO(told);
    CHECK(told.find("step 2: full/checkpoint.safetensors: expected to write") != std::string::npos);
    CHECK(told.find("the checkpoint of step 1 is whole, training goes on") != std::string::npos);
    CHECK(told.find("gancodec: step 3: ") != std::string::npos);
    CHECK(read_file(bench.path("full/checkpoint.safetensors")) == before);
    // With room again, the run goes on and ends where one without a full disk ends.
    CHECK(Json::parse(bench.good({"train", "--data", "photos", "--out", "full", "--resume", "--json"}))["steps"] == 3);
    static_cast<void>(bench.good({"train", "--data", "photos", "--out", "roomy", "--recipe", "full3.json"}));
    check_same_tensors(bench.path("full/checkpoint.safetensors"), bench.path("roomy/checkpoint.safetensors"));
}

TEST_CASE("training leaves out a damaged picture and names it", "[program]") {
    const Bench& bench = Bench::get();
    fs::create_directory(bench.path("mixed"));
    write_image(bench.path("mixed/whole.jpg"), read_image(bench.path("photos/192.png")));
    const Bytes whole = read_file(bench.path("mixed/whole.jpg"));
    write_file(bench.path("mixed/cut.jpg"), ByteView(whole).first(whole.size() / 3));
    bench.write("not a picture", "mixed/text.png");
    const Outcome outcome = bench.run({"train", "--data", "mixed", "--out", "mixed_run", "--recipe", "recipe.json"});
    INFO(outcome.error);
    CHECK(outcome.status == 0);
    CHECK(outcome.error.find("note: skipped mixed/cut.jpg") != std::string::npos);
    CHECK(outcome.error.find("note: skipped mixed/text.png") != std::string::npos);
    CHECK(std::count(outcome.error.begin(), outcome.error.end(), '\n') == 2);
}

TEST_CASE("a log goes on behind a line that was cut off", "[program]") {
    const Bench& bench = Bench::get();
    bench.write("{\"step\": 1}\n{\"st", "torn.jsonl");
    RunLog(bench.path("torn.jsonl")).append({{"step", 2}});
    CHECK(text_of(bench.path("torn.jsonl")) == "{\"step\": 1}\n{\"st\n{\"step\":2}\n");
}

TEST_CASE("a run that loads some tensors, freezes them and has an optimiser of its own resumes", "[program]") {
    const Bench& bench = Bench::get();
    bench.write(kShort + R"("steps": 2, "seed": 9, "optimizer": "sgd", "sgd": {"momentum": 0.5},
                "learning_rate": {"shape": "step", "step_every": 1, "peak": 1e-5}, "load": ["encoder.*", "gain.*"],
                "freeze": ["encoder.*", "gain.*"], "rate_factors": [{"pattern": "generator.*", "factor": 0.5}]})",
                "transfer.json");
    const std::vector<std::string> begin = {"train",    "--data",   "photos",       "--out",
                                            "transfer", "--recipe", "transfer.json"};
    CHECK(bench.bad(1, begin).find("--start") != std::string::npos);
    std::vector<std::string> with_start = begin;
    with_start.insert(with_start.end(), {"--start", "run/checkpoint.safetensors"});
    static_cast<void>(bench.good(with_start));
    CHECK(Json::parse(bench.good({"train", "--data", "photos", "--out", "transfer", "--resume", "--json"}))["steps"] ==
          2);
    const auto from = SafetensorsFile::load(bench.path("run/checkpoint.safetensors"));
    const auto to = SafetensorsFile::load(bench.path("transfer/checkpoint.safetensors"));
    int same = 0;
    for (const auto& [name, tensor] : from.tensors()) {
        if (name.rfind("average.encoder.", 0) != 0) continue;
        ++same;
        CHECK(std::ranges::equal(from.raw(name), to.raw(name)));
    }
    CHECK(same > 0);
}

TEST_CASE("a run is judged by held-out pictures, stops by them, and by each part of its own", "[program]") {
    const Bench& bench = Bench::get();
    bench.write(kShort + R"("steps": 9, "learning_rate": {"peak": 1e-12},
                "early_stopping": {"every_steps": 1, "patience": 2}})",
                "early.json");
    const auto train = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"train", "--data", "photos", "--recipe", "early.json", "--json"});
        return Json::parse(bench.good(words));
    };
    const Json early = train({"--out", "early", "--held-out", "photos"});
    CHECK(early["steps"] < 9);  // a rate of next to nothing lowers no cost
    CHECK(early["finished"] == true);
    CHECK(early["held_out"]["lowest"] > 0);
    CHECK(fs::exists(bench.path("early/best.safetensors")));
    CHECK(train({"--out", "early", "--held-out", "photos", "--resume"})["steps"] == early["steps"]);
    const Json folds = train({"--out", "folds", "--folds", "3"});
    REQUIRE(folds["folds"].size() == 3);
    CHECK(folds["held_out"]["mean"] > 0);
    CHECK(fs::exists(bench.path("folds/fold2/best.safetensors")));
    static_cast<void>(bench.bad(1, {"train", "--data", "photos", "--out", "no", "--folds", "4"}));
    static_cast<void>(bench.bad(1, {"train", "--data", "photos", "--out", "no", "--folds", "2", "--fold", "2"}));
}

TEST_CASE("every recipe that comes with the program is read", "[recipe]") {
    int recipes = 0;
    for (const auto& entry : fs::directory_iterator(GANCODEC_SOURCE_DIR "/tools/recipes")) {
        if (entry.path().extension() != ".json") continue;
        ++recipes;
        const AnyRecipe recipe = read_recipe(entry.path());
        const std::string text = recipe_text(recipe);
        Bench::get().write(text, "again.json");
        CHECK(recipe_text(read_recipe(Bench::get().path("again.json"))) == text);
    }
    CHECK(recipes >= 8);
}

TEST_CASE("mixed precision is a word of any recipe", "[recipe]") {
    const auto parse = [](const std::string& text) { return parse_recipe(Bytes(text.begin(), text.end()), "r.json"); };
    for (const std::string stage : {"reconstruction", "adversarial"}) {
        const std::string begin = "{\"stage\": \"" + stage + "\", \"mixed_precision\": ";
        CHECK(recipe_text(parse(begin + "\"bf16\"}")).find("\"mixed_precision\":\"bf16\"") != std::string::npos);
        CHECK_THROWS_WITH(parse(begin + "\"fp8\"}"),
                          Catch::Matchers::ContainsSubstring("mixed_precision: expected one of none, bf16"));
    }
}

TEST_CASE("folders laid out as ImageNet, COCO and CIFAR-10 are read", "[folder]") {
    const Bench& bench = Bench::get();
    const Image photo = read_image(bench.path("photos/150.png"));
    for (const char* folder : {"imagenet/train/n01440764", "coco/images/train2017", "coco/annotations", "cifar"})
        fs::create_directories(bench.path(folder));
    write_image(bench.path("n.jpg"), photo);
    fs::rename(bench.path("n.jpg"), bench.path("imagenet/train/n01440764/n01440764_18.JPEG"));
    write_image(bench.path("coco/images/train2017/000000000009.jpg"), photo);
    bench.write("{}", "coco/annotations/instances_train2017.json");
    CHECK(read_image_folder(bench.path("imagenet")).size() == 1);
    CHECK(read_image_folder(bench.path("coco")).size() == 1);

    Bytes records(2 * 3073);
    for (std::size_t i = 0; i < records.size(); ++i) records[i] = static_cast<std::uint8_t>(i * 7);
    records[0] = 9;
    records[3073] = 0;
    const auto images = parse_cifar10(records, "batch");
    REQUIRE(images.size() == 2);
    CHECK(images[1].at(5, 3)[0] == records[3073 + 1 + 3 * 32 + 5]);
    CHECK(images[1].at(5, 3)[2] == records[3073 + 1 + 2 * 1024 + 3 * 32 + 5]);
    write_file(bench.path("cifar/data_batch_1.bin"), records);
    write_file(bench.path("cifar/test_batch.bin"), ByteView(records).first(3000));
    std::string note;
    FolderOptions options;
    options.note = [&](const std::string& text) { note += text; };
    const auto read = read_image_folder(bench.path("cifar"), options);
    REQUIRE(read.size() == 2);
    CHECK(read[0].name == "data_batch_1.bin#0");
    CHECK(note.find("test_batch.bin: expected CIFAR-10's records") != std::string::npos);

    // Whatever the bytes: pictures or an Error.
    Random random(4);
    for (int i = 0; i < 2000; ++i) {
        Bytes wild(random.below(3) * 3073 + (random.below(2) == 0 ? 0 : random.below(3073)));
        for (std::uint8_t& byte : wild) byte = static_cast<std::uint8_t>(random.below(12));
        const bool sound = !wild.empty() && wild.size() % 3073 == 0 && wild[0] <= 9 && wild[wild.size() - 3073] <= 9;
        std::size_t pictures = 0;
        try {
            pictures = parse_cifar10(wild, "wild").size();
        } catch (const Error&) {
            CHECK(!sound);
        }
        CHECK(pictures == (sound ? wild.size() / 3073 : 0));
    }
}

TEST_CASE("checkpoints are averaged, and so are the pictures of an ensemble", "[program]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"export", "run/checkpoint.safetensors", "once.safetensors"}));
    static_cast<void>(bench.good({"export", "run/checkpoint.safetensors", "twice.safetensors", "--average",
                                  "run/checkpoint.safetensors", "run/checkpoint.safetensors"}));
    check_same_tensors(bench.path("once.safetensors"), bench.path("twice.safetensors"));
    CHECK(bench.bad(1, {"export", "once.safetensors", "x.safetensors", "--average", "run/checkpoint.safetensors"})
              .find("--average") != std::string::npos);
    static_cast<void>(bench.good({"encode", "192x176.png", "one.gnc"}));
    static_cast<void>(bench.good({"decode", "one.gnc", "one.png"}));
    static_cast<void>(
        bench.good({"decode", "one.gnc", "mean.png", "--ensemble", "once.safetensors", "once.safetensors"}));
    CHECK(read_image(bench.path("one.png")) == read_image(bench.path("mean.png")));
    static_cast<void>(
        bench.bad(1, {"decode", "one.gnc", "x.png", "--ensemble", "once.safetensors", "--region", "0,0,8,8"}));
}
