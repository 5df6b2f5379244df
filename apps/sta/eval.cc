// SPDX-License-Identifier: MIT
// `sta eval MODEL LIST`: the accuracy of a model on a data set at several drop numbers and thresholds of stillness,
// measured by the protocols of the paper's tables.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "eval_batcher.h"
#include "eval_feed.h"
#include "eval_labels.h"
#include "eval_list.h"
#include "eval_plot.h"
#include "eval_report.h"
#include "eval_state.h"
#include "eval_views.h"
#include "gst_source.h"
#include "options.h"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr double kUnset = -1;

// The command line as it was given.
struct Request {
  EngineFlags engine;
  PruneFlags prune;
  Text protocol, sampling, rules, root, list_labels, classes, drops, still, resize, state, json, plot;
  int clips = -1, crops = -1, stride = -1, batch = -1, decode_threads = 1, limit = 0;
  double hop = kUnset, interval = kUnset, rate = 0;
  gboolean probabilities = FALSE;

  std::vector<GOptionEntry> protocol_entries() {
    return {{"protocol", 0, 0, G_OPTION_ARG_STRING, &protocol.value,
             "k400 (dense; VideoMAE 5 clips x 3 crops, Video Swin 4x3), ssv2 (uniform; 2x3, 1x3), window (default: windows of time, as staaction)",
             "NAME"},
            {"sampling", 0, 0, G_OPTION_ARG_STRING, &sampling.value, "Instead of the protocol's: dense, uniform, window", "HOW"},
            {"rules", 0, 0, G_OPTION_ARG_STRING, &rules.value,
             "Whose code frames and crops are chosen as by: videomae, mmaction; default: mmaction for a Video Swin", "WHOSE"},
            {"clips", 0, 0, G_OPTION_ARG_INT, &clips, "Clips of a video, instead of the protocol's", "N"},
            {"crops", 0, 0, G_OPTION_ARG_INT, &crops, "Crops of a clip along the longer side, 1 = the middle, instead of the protocol's", "N"},
            {"stride", 0, 0, G_OPTION_ARG_INT, &stride, "Frames from one of a dense clip to the next, default 4, Video Swin 2", "N"},
            {"hop", 0, 0, G_OPTION_ARG_DOUBLE, &hop, "Seconds from one window to the next, 0 (default) = a quarter of a window", "S"},
            {"sample-interval", 0, 0, G_OPTION_ARG_DOUBLE, &interval, "Seconds between the frames of a window, 0 (default) = the model's", "S"},
            {"resize", 0, 0, G_OPTION_ARG_STRING, &resize.value, "auto (default, the model decides), bilinear, antialias", "HOW"}};
  }
  std::vector<GOptionEntry> own_entries() {
    return {{"root", 0, 0, G_OPTION_ARG_FILENAME, &root.value, "Folder of the videos, default: that of LIST", "FOLDER"},
            {"drop-number", 'r', 0, G_OPTION_ARG_STRING, &drops.value,
             "Tokens dropped per group and pruning call, default 0; each video is decoded once", "R,R,..."},
            {"still-threshold", 0, 0, G_OPTION_ARG_STRING, &still.value,
             "Tokens whose normalised pixels changed on average by less than this are dropped before the first block, 0 = off, -1 (default) = the "
             "model's; each with each drop number",
             "X,X,..."},
            {"classes", 0, 0, G_OPTION_ARG_FILENAME, &classes.value,
             "Score these classes of the model only: k400, k600, k700, ssv2 or a file of labels; a Kinetics-710 model with --protocol k400: k400",
             "LIST"},
            {"list-labels", 0, 0, G_OPTION_ARG_FILENAME, &list_labels.value,
             "What number a name in LIST is (labels.json or text), default: the labels", "FILE"},
            {"batch", 'b', 0, G_OPTION_ARG_INT, &batch,
             "Views in one forward pass, default 8; 1 if tokens are dropped as still, because all views of a pass take as many as the one that "
             "changes most",
             "N"},
            {"decode-threads", 0, 0, G_OPTION_ARG_INT, &decode_threads, "Videos decoded at a time, default 1", "N"},
            {"rate", 0, 0, G_OPTION_ARG_DOUBLE, &rate, "Pictures a second, where LIST names sequences of pictures such as frames/%04d.png", "FPS"},
            {"limit", 0, 0, G_OPTION_ARG_INT, &limit, "Only the first N videos, 0 (default) = all", "N"},
            {"state", 0, 0, G_OPTION_ARG_FILENAME, &state.value, "Keep each result here, and go on from it after an interruption", "FILE.jsonl"},
            {"json", 'j', 0, G_OPTION_ARG_FILENAME, &json.value, "Write everything, also each video, as JSON", "FILE"},
            {"probabilities", 0, 0, G_OPTION_ARG_NONE, &probabilities, "Keep the probabilities of all classes in --state and --json", nullptr},
            {"plot", 0, 0, G_OPTION_ARG_FILENAME, &plot.value, "Draw accuracy against arithmetic", "FILE.png"}};
  }
};

Sampling sampling_of(const std::string &text) {
  if (text == "dense") return Sampling::kDense;
  if (text == "uniform") return Sampling::kUniform;
  if (text == "window") return Sampling::kWindow;
  throw UsageError("--sampling \"" + text + "\" should be dense, uniform or window");
}

const char *name_of(Sampling s) { return s == Sampling::kDense ? "dense" : s == Sampling::kUniform ? "uniform" : "window"; }

sta_resize resize_of(const std::string &text) {
  if (text.empty() || text == "auto") return STA_RESIZE_AUTO;
  if (text == "bilinear") return STA_RESIZE_BILINEAR;
  if (text == "antialias") return STA_RESIZE_ANTIALIAS;
  throw UsageError("--resize \"" + text + "\" should be auto, bilinear or antialias");
}

template <typename Number>
void check_once(const std::vector<Number> &list, const char *option) {
  for (const Number number : list) {
    if (std::count(list.begin(), list.end(), number) < 2) continue;
    std::ostringstream text;
    text << option << " names " << number << " twice";
    throw UsageError(text.str());
  }
}

double seconds_of(double value, const char *option) {
  if (value == kUnset) return 0;
  if (!(value >= 0 && value <= 3600)) throw UsageError(std::string(option) + " should be 0 to 3600 seconds");
  return value;
}

// The protocol's plan, changed by the options on the command line.
ViewPlan plan_of(const Request &r, const sta_model_info &m) {
  const bool swin = m.num_stages > 0;
  const std::string protocol = r.protocol.given() ? r.protocol.str() : "window", rules = r.rules.str();
  ViewPlan plan;
  plan.frames = m.num_frames;
  plan.rules = swin ? ViewRules::kMmaction : ViewRules::kVideoMae;
  if (rules == "videomae" || rules == "mmaction")
    plan.rules = rules == "mmaction" ? ViewRules::kMmaction : ViewRules::kVideoMae;
  else if (!rules.empty())
    throw UsageError("--rules \"" + rules + "\" should be videomae or mmaction");
  plan.stride = swin ? 2 : 4;
  if (protocol == "k400") {
    plan.sampling = Sampling::kDense;
    plan.clips = swin ? 4 : 5;
    plan.crops = 3;
  } else if (protocol == "ssv2") {
    plan.sampling = Sampling::kUniform;
    plan.clips = plan.rules == ViewRules::kMmaction ? 1 : 2;
    plan.crops = 3;
  } else if (protocol != "window") {
    throw UsageError("--protocol \"" + protocol + "\" should be k400, ssv2 or window");
  }
  if (r.sampling.given()) plan.sampling = sampling_of(r.sampling.str());
  const bool window = plan.sampling == Sampling::kWindow;
  if (window && r.clips != -1) throw UsageError("--clips goes with --sampling dense or uniform: of windows a video has as many as fit (see --hop)");
  if (window && r.stride != -1) throw UsageError("--stride goes with --sampling dense: frames of windows are --sample-interval apart");
  if (!window && (r.hop != kUnset || r.interval != kUnset)) throw UsageError("--hop and --sample-interval go with --sampling window");
  if (r.clips != -1) plan.clips = r.clips;
  if (r.crops != -1) plan.crops = r.crops;
  if (r.stride != -1) plan.stride = r.stride;
  plan.hop = seconds_of(r.hop, "--hop");
  plan.interval = seconds_of(r.interval, "--sample-interval");
  plan.rate = r.rate != 0 ? checked_rate(r.rate) : 0;
  if (const std::string fault = plan_fault(plan); !fault.empty()) throw UsageError(fault);
  return plan;
}

// The labels that are scored. `selected`: their classes in the model (empty: all).
std::vector<std::string> scored_labels(const Request &r, const sta::Engine &engine, std::vector<int> &selected) {
  std::vector<std::string> own;
  for (int i = 0; i < engine.info().num_classes; ++i) own.push_back(engine.label(i));
  std::string wanted = r.classes.str();
  if (wanted.empty() && own.size() == 710 && r.protocol.str() == "k400") wanted = "k400";
  if (wanted.empty()) return own;
  auto labels = named_labels(wanted);
  if (!labels) labels = read_label_file(wanted);
  selected = select_classes(own, *labels);
  return *labels;
}

uint64_t fingerprint(const std::vector<EvalVideo> &videos) {
  uint64_t h = 0xcbf29ce484222325;  // FNV-1a
  auto add = [&](const std::string &text) {
    for (const unsigned char c : text + "\n") h = (h ^ c) * 0x100000001b3;
  };
  for (const EvalVideo &v : videos) {
    add(v.path);
    add(std::to_string(v.label));
  }
  return h;
}

// Sizes and times of a model's files. They tell a model that was trained further from the old one of the same name.
Json weights_of(const std::string &path) {
  Json files = Json::array();
  std::error_code ec;
  auto add = [&](const std::filesystem::path &file) {
    files.push_back(
        {file.filename().string(), std::filesystem::file_size(file, ec), std::filesystem::last_write_time(file, ec).time_since_epoch().count()});
  };
  if (std::filesystem::is_directory(path, ec)) {
    std::vector<std::filesystem::path> list;
    for (const auto &entry : std::filesystem::directory_iterator(path, ec))
      if (entry.is_regular_file(ec) && entry.path().extension() != ".md") list.push_back(entry.path());
    std::sort(list.begin(), list.end());
    for (const auto &file : list) add(file);
  } else if (std::filesystem::exists(path, ec)) {
    add(path);
  }
  return files;
}

// All settings that a result depends on.
Json settings_of(const Request &r, const sta_model_info &m, const ViewPlan &plan, const EvalList &list, const std::string &list_path,
                 const BatchRules &rules, const std::vector<std::string> &labels) {
  char hash[20];
  std::snprintf(hash, sizeof(hash), "%016llx", static_cast<unsigned long long>(fingerprint(list.videos)));
  Json settings = {{"model", m.path},
                   {"weights", weights_of(m.path)},
                   {"precision", m.precision},
                   {"device", m.device},
                   {"input", {m.num_frames, m.image_height, m.image_width}},
                   {"list", list_path},
                   {"videos", list.videos.size()},
                   {"list_hash", hash},
                   {"classes", labels.size()},
                   {"selected", rules.selected.empty() ? Json() : Json(rules.selected)},
                   {"sampling", name_of(plan.sampling)},
                   {"rules", plan.rules == ViewRules::kMmaction ? "mmaction" : "videomae"},
                   {"clips", plan.clips},
                   {"crops", plan.crops},
                   {"stride", plan.stride},
                   {"hop", plan.hop},
                   {"sample_interval", plan.interval},
                   {"resize", r.resize.given() ? r.resize.str() : "auto"},
                   {"pruning", r.prune.pruning.given() ? r.prune.pruning.str() : "sta"},
                   {"still_thresholds", rules.still_thresholds},
                   {"drop_numbers", rules.drop_numbers},
                   {"seed", r.prune.seed},
                   {"probabilities", rules.keep_probabilities}};
  if (plan.rate > 0) settings["rate"] = plan.rate;
  return settings;
}

std::vector<EvalPoint> points_of(const sta::Engine &engine, const BatchRules &rules) {
  std::vector<EvalPoint> points;
  const int tokens = engine.info().num_tokens;
  for (const double threshold : rules.still_thresholds)
    for (const int r : rules.drop_numbers) {
      const sta_flops f = flops_of(engine, rules.pruning == STA_PRUNING_NONE ? 0 : r, tokens);
      points.push_back({threshold, r, static_cast<double>(tokens), static_cast<double>(f.total) / 1e9, {}});
    }
  return points;
}

// Decodes and classifies the videos that the state file does not hold.
void run_videos(const Request &r, const sta::Engine &engine, const ViewPlan &plan, const EvalList &list, const BatchRules &rules, EvalState &state,
                EvalReport &report) {
  std::vector<int> undone;
  std::vector<VideoResult> results(list.videos.size());
  int64_t right = 0, counted = 0;
  for (int i = 0; i < static_cast<int>(list.videos.size()); ++i) {
    const auto it = state.finished().find(i);
    if (it == state.finished().end()) {
      undone.push_back(i);
      continue;
    }
    results[static_cast<size_t>(i)] = it->second;
    right += it->second.verdicts.at(0).label_rank < 1;
    ++counted;
  }
  report.taken_up = list.videos.size() - undone.size();
  {
    EvalProgress progress(list.videos.size(), report.taken_up);
    Batcher batcher(engine, rules, [&](VideoResult result) {
      state.append(result);
      if (!result.error.empty()) {
        progress.note(result.error + (result.error.starts_with(result.video) ? "" : " (" + result.video + ")"));
      } else {
        right += result.verdicts.at(0).label_rank < 1;
        ++counted;
      }
      progress.video(result.views, counted ? static_cast<double>(right) / static_cast<double>(counted) : 0);
      const size_t index = static_cast<size_t>(result.index);
      results[index] = std::move(result);
    });
    const auto begin = std::chrono::steady_clock::now();
    ViewFeed feed(engine, plan, resize_of(r.resize.str()), list.videos, undone, r.decode_threads);
    while (auto item = feed.next()) {
      const EvalVideo &video = list.videos[static_cast<size_t>(item->index)];
      batcher.add(std::move(*item), video);
    }
    batcher.flush();
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  report.videos = std::move(results);
}

}  // namespace

int eval(int argc, char **argv) {
  Request r;
  const auto rest = parse(argc, argv, "MODEL LIST",
                          "Measures the accuracy of a model on a data set. LIST: a Kinetics CSV, a Something-Something JSON, lines \"PATH NUMBER\", "
                          "or a folder with one sub-folder for each class.",
                          {r.own_entries(), r.protocol_entries(), r.prune.entries(), r.engine.entries()});
  if (rest.size() != 2) throw UsageError("a model and a list are needed");
  if (r.batch != -1 && (r.batch < 1 || r.batch > 1024)) throw UsageError("--batch should be 1 to 1024");
  const std::vector<double> thresholds = threshold_list(r.still.given() ? r.still.str() : "-1", "--still-threshold");
  if (r.decode_threads < 1 || r.decode_threads > 64) throw UsageError("--decode-threads should be 1 to 64");
  if (r.limit < 0) throw UsageError("--limit should be 0 or more");
  (void)resize_of(r.resize.str());
  BatchRules rules;
  rules.drop_numbers = number_list(r.drops.given() ? r.drops.str() : "0", "--drop-number");
  check_once(rules.drop_numbers, "--drop-number");
  rules.pruning = pruning_of(r.prune.pruning.str());
  rules.seed = static_cast<uint64_t>(r.prune.seed);
  rules.keep_probabilities = r.probabilities;

  start_gstreamer();
  const sta::Engine engine = r.engine.open(rest[0]);
  const sta_model_info m = engine.info();
  rules.multi_label = m.multi_label != 0;
  for (const double threshold : thresholds) rules.still_thresholds.push_back(effective_threshold(threshold, m));
  check_once(rules.still_thresholds, "--still-threshold");
  const bool still = std::any_of(rules.still_thresholds.begin(), rules.still_thresholds.end(), [](double threshold) { return threshold > 0; });
  rules.batch = r.batch != -1 ? r.batch : still ? 1 : 8;
  const ViewPlan plan = plan_of(r, m);
  sta_error err;
  for (const int drop : rules.drop_numbers)
    if (rules.pruning != STA_PRUNING_NONE && sta_engine_check_drop_number(engine.get(), drop, &err) != STA_OK) throw UsageError(err.message);
  const std::vector<std::string> labels = scored_labels(r, engine, rules.selected);
  rules.classes = static_cast<int>(labels.size());

  ListRules list_rules{r.root.str(), labels, {}};
  if (r.list_labels.given()) list_rules.list_names = read_label_file(r.list_labels.str());
  EvalList list = read_eval_list(rest[1], list_rules);
  if (r.limit > 0 && static_cast<size_t>(r.limit) < list.videos.size()) list.videos.resize(static_cast<size_t>(r.limit));

  EvalReport report;
  report.model = m.name;
  report.device = describe(m);
  report.settings = settings_of(r, m, plan, list, rest[1], rules, labels);
  report.labels = labels;
  report.points = points_of(engine, rules);
  EvalState state(r.state.str(), report.settings);
  run_videos(r, engine, plan, list, rules, state, report);
  tally(report);
  if (r.json.given()) write_report(report, r.json.str());
  if (r.plot.given()) write_plot(report, r.plot.str());
  print_report(report);
  return report.broken().empty() ? 0 : 1;
}

}  // namespace cli
