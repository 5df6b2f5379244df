#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Checks stillness on the command line: flags, JSON fields and errors of `sta run`, `bench`, `flops`, `info`, and, where
# the elements are built, of `classify` and `eval`. Usage: test_stillness.py STA GOLDEN_MADE_FOLDER PLUGIN (yes or no)
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

STA, MADE, PLUGIN = sys.argv[1:4]
MODEL = f"{MADE}/checkpoints/micro_hf"  # 8 steps of 16 tokens, no recommendation
SWIN = [f"{MADE}/videoswin/weights/nano.safetensors", "--num-frames", "8", "--image-size", "24"]
CPU = ["--device", "cpu", "--precision", "fp32"]


def sta(*args, status=0):
    done = subprocess.run([STA, *args], capture_output=True, text=True, timeout=200)
    assert done.returncode == status, (args, done.returncode, done.stdout, done.stderr)
    return done


def rows(*args):
    return [json.loads(line) for line in sta(*args, "--json").stdout.splitlines()]


def write_clips(path, pictures):
    """pictures: for each clip the grey level of each of its 16 pictures, normalised."""
    values = b"".join(struct.pack("<f", level) * (64 * 64) for clip in pictures for _ in range(3) for level in clip)
    header = json.dumps({"clip": {"dtype": "F32", "shape": [len(pictures), 3, 16, 64, 64], "data_offsets": [0, len(values)]}}).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(header)) + header + values)


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def recommending(self, threshold):
        """The model in a folder that recommends a threshold."""
        path = self.path("recommending")
        shutil.copytree(MODEL, path, dirs_exist_ok=True)
        with open(os.path.join(path, "config.json")) as file:
            config = json.load(file)
        config["sta"] = {"still_threshold": threshold}
        with open(os.path.join(path, "config.json"), "w") as file:
            json.dump(config, file)
        return path


class Run(Folder):
    def clips(self):
        still, moving = [0.25] * 16, [0.5 * i for i in range(16)]
        half = [float(i // 2) for i in range(8)] + [3.0] * 8  # moves in its first four steps
        write_clips(self.path("clips"), [still, moving, half])
        return self.path("clips")

    def test_json_says_what_each_clip_took(self):
        clips = self.clips()
        found = rows("run", MODEL, "-c", clips, "-b", "1", "--still-threshold", "0.1", *CPU)
        self.assertEqual([row["tokens"] for row in found], [16, 128, 64])
        macs = [row["gmacs"] for row in found]
        self.assertTrue(0 < macs[0] < macs[2] < macs[1], macs)
        for off in ([], ["--still-threshold", "0"], ["--still-threshold", "-1"]):
            dense = rows("run", MODEL, "-c", clips, "-b", "1", *off, *CPU)
            self.assertEqual([row["tokens"] for row in dense], [128] * 3)
            self.assertEqual([row["gmacs"] for row in dense], [macs[1]] * 3)
            self.assertEqual(dense[1]["logits"], found[1]["logits"], "nothing is still in it")
            self.assertNotEqual(dense[0]["logits"], found[0]["logits"])

    def test_clips_of_a_batch_take_as_many_as_one_of_them_needs(self):
        found = rows("run", MODEL, "-c", self.clips(), "--still-threshold", "0.1", *CPU)
        self.assertEqual([row["tokens"] for row in found], [128] * 3)

    def test_the_text_says_when_tokens_were_dropped(self):
        text = sta("run", MODEL, "-c", self.clips(), "-b", "1", "--still-threshold", "0.1", *CPU).stdout
        self.assertIn("clip 0, 16 of 128 tokens\n", text)
        self.assertIn("clip 1\n", text)

    def test_the_recommendation_holds_unless_something_else_is_asked_for(self):
        model, clips = self.recommending(0.1), self.clips()
        for arguments, tokens in (([], 16), (["--still-threshold", "-1"], 16), (["--still-threshold", "0"], 128), (["--still-threshold", "0.4"], 16)):
            self.assertEqual(rows("run", model, "-c", clips, "-b", "1", *arguments, *CPU)[0]["tokens"], tokens, arguments)

    def test_pruning_goes_with_it(self):
        dense, pruned = (rows("run", MODEL, "-c", self.clips(), "-b", "1", "-r", r, "--still-threshold", "0.1", *CPU)[2] for r in ("0", "4"))
        self.assertEqual((dense["tokens"], pruned["tokens"]), (64, 64))
        self.assertLess(pruned["gmacs"], dense["gmacs"])

    def test_errors(self):
        for wrong in ("-0.5", "10.5", "nan"):
            done = sta("run", MODEL, "-c", self.clips(), f"--still-threshold={wrong}", *CPU, status=2)
            self.assertIn("--still-threshold should be 0 (off) to 10, or -1", done.stderr)
        zeros = self.path("swin")
        values = bytes(4 * 3 * 8 * 24 * 24)
        header = json.dumps({"clip": {"dtype": "F32", "shape": [3, 8, 24, 24], "data_offsets": [0, len(values)]}}).encode()
        with open(zeros, "wb") as out:
            out.write(struct.pack("<Q", len(header)) + header + values)
        done = sta("run", *SWIN, "-c", zeros, "--still-threshold", "0.1", "--device", "cpu", status=1)
        self.assertRegex(done.stderr, r"^sta run: still-threshold should be 0 .* Video Swin .*\n$")
        (row,) = rows("run", *SWIN, "-c", zeros, "--still-threshold", "0", "--device", "cpu")
        self.assertEqual(row["tokens"], rows("info", *SWIN, "--device", "cpu")[0]["tokens"])


class Info(Folder):
    def test_it_says_what_the_folder_recommends(self):
        self.assertEqual(rows("info", MODEL, "--device", "cpu")[0]["still_threshold"], 0)
        self.assertRegex(sta("info", MODEL, "--device", "cpu").stdout, r"(?m)^  stillness no threshold recommended, so all 128 tokens are used$")
        model = self.recommending(0.15)
        self.assertEqual(rows("info", model, "--device", "cpu")[0]["still_threshold"], 0.15)
        self.assertRegex(sta("info", model, "--device", "cpu").stdout, r"(?m)^  stillness threshold 0\.15 recommended: of 128 tokens ")
        self.assertRegex(sta("info", *SWIN, "--device", "cpu").stdout, r"(?m)^  stillness none: a Video Swin needs all tokens$")


class Flops(unittest.TestCase):
    def test_rows_by_drop_number_and_tokens(self):
        found = rows("flops", "--arch", "vit_base", "-r", "0,64", "--tokens", "0,1568,784,196")
        self.assertEqual([(row["drop_number"], row.get("tokens")) for row in found],
                         [(r, n) for r in (0, 64) for n in (None, 1568, 784, 196)])
        totals = [row["total"] for row in found]
        for dense in (0, 4):
            self.assertEqual(totals[dense], totals[dense + 1], "all tokens are all tokens")
            self.assertTrue(totals[dense + 1] > totals[dense + 2] > totals[dense + 3] > 0, totals)
        self.assertTrue(all(a > b for a, b in zip(totals[:3], totals[4:7], strict=True)), totals)
        self.assertEqual([("paper_gflops" in row) for row in found], [True, False, False, False] * 2, "the paper drops no still tokens")

    def test_the_table(self):
        lines = sta("flops", MODEL, "--tokens", "0,64").stdout.splitlines()
        self.assertEqual(lines[0].split()[:4], ["model", "r", "tokens", "GMACs"])
        self.assertEqual([line.split()[2] for line in lines[1:]], ["all", "64"])
        self.assertNotIn("tokens", sta("flops", MODEL).stdout)
        names = {line.split()[0] for line in sta("flops", "--tokens", "784").stdout.splitlines()[1:]}
        self.assertEqual(names, {"vit_small", "vit_base", "vit_large", "vit_huge"})

    def test_errors(self):
        for wrong in ("15", "129"):
            self.assertIn("or 16 (one step) to 128", sta("flops", MODEL, "--tokens", wrong, status=1).stderr)
        self.assertIn("--tokens", sta("flops", MODEL, "--tokens", "x", status=2).stderr)
        self.assertIn("Video Swin", sta("flops", "--arch", "video_swin_tiny", "--tokens", "784", status=1).stderr)


class Bench(unittest.TestCase):
    def test_clips_have_the_share_that_was_asked_for(self):
        found = rows("bench", MODEL, "--device", "cpu", "-n", "2", "-w", "0", "-b", "3", "-r", "0,4", "--still", "0,0.25,0.5,0.875")
        self.assertEqual([(row["still"], row["drop_number"], row["tokens"]) for row in found],
                         [(share, r, round(128 * (1 - share))) for share in (0, 0.25, 0.5, 0.875) for r in (0, 4)])
        self.assertTrue(all(row["clip"] == "pictures" and row["seconds"] > 0 and "seconds_with_upload" not in row for row in found))
        macs = [row["gmacs"] for row in found]
        self.assertTrue(all(a > b for a, b in zip(macs[::2], macs[2::2], strict=False)), macs)
        self.assertEqual([row["speedup"] for row in found][0], 1)

    def test_without_it_nothing_is_still(self):
        (row,) = rows("bench", MODEL, "--device", "cpu", "-n", "1", "-w", "0")
        self.assertEqual((row["tokens"], row["clip"]), (128, "memory"))
        self.assertNotIn("still", row)

    def test_the_table(self):
        lines = sta("bench", MODEL, "--device", "cpu", "-n", "1", "-w", "0", "--still", "0.5").stdout.splitlines()
        self.assertEqual(lines[2].split(), ["still", "tokens", "r", "ms", "clips/s", "speed-up", "GMACs"])
        self.assertEqual(lines[3].split()[:3], ["0.5", "64", "0"])
        self.assertEqual(lines[3].split()[5], "-", "nothing to compare with")

    def test_errors(self):
        for wrong in ("0.9", "-0.1", "x", "", "nan", "0,,0.5"):
            self.assertIn("from 0 to 0.875 (the first step never is still)", sta("bench", MODEL, f"--still={wrong}", "--device", "cpu", status=2).stderr)
        self.assertIn("Video Swin", sta("bench", *SWIN, "--still", "0.5", "--device", "cpu", status=2).stderr)


def video(path, pattern, frames=80):
    """A lossless video of 64x64 at 30 fps."""
    subprocess.run(["gst-launch-1.0", "-q", "videotestsrc", f"num-buffers={frames}", f"pattern={pattern}", "!",
                    "video/x-raw,format=BGRx,width=64,height=64,framerate=30/1", "!", "avenc_ffv1", "!", "matroskamux", "!", "filesink",
                    f"location={path}"], check=True, timeout=60)


@unittest.skipUnless(PLUGIN == "yes", "needs the elements")
class Videos(Folder):
    def test_classify_says_what_each_window_took(self):
        still, noise = self.path("still.mkv"), self.path("noise.mkv")
        video(still, "white")
        video(noise, "snow")
        common = ["--hop", "1", *CPU]
        for name, threshold, tokens in ((still, "0.1", 16), (still, "0", 128), (still, "-1", 128), (noise, "0.1", 128)):
            # The window at the end repeats its last picture, which is still.
            found = [row for row in rows("classify", MODEL, name, "--still-threshold", threshold, *common) if not row["degraded"]]
            self.assertGreaterEqual(len(found), 1)
            self.assertEqual({row["tokens"] for row in found}, {tokens}, (name, threshold))
            self.assertGreater(found[0]["gmacs"], 0)
        model = self.recommending(0.1)
        self.assertEqual(rows("classify", model, still, *common)[0]["tokens"], 16)
        for wrong in ("-0.5", "11"):
            self.assertIn("--still-threshold should be 0", sta("classify", MODEL, still, f"--still-threshold={wrong}", status=2).stderr)
        done = sta("classify", *SWIN, still, "--still-threshold", "0.1", status=1)
        self.assertIn("still-threshold should be 0", done.stderr)

    def eval(self, *args, status=0):
        report = self.path("report.json")
        done = sta("eval", MODEL, self.path("set"), "--json", report, "--labels", self.path("labels.txt"), "--threads", "1", *CPU, *args, status=status)
        if status != 0:
            return done
        with open(report) as file:
            return json.load(file), done.stdout

    def test_eval_takes_a_list(self):
        with open(self.path("labels.txt"), "w") as file:
            file.write("".join(f"class {i}\n" for i in range(8)) + "noise\nwhite\n")
        for pattern in ("white", "snow"):
            os.makedirs(self.path("set/" + {"white": "white", "snow": "noise"}[pattern]))
            video(self.path(f"set/{'white' if pattern == 'white' else 'noise'}/{pattern}.mkv"), pattern)
        report, text = self.eval("--still-threshold", "0,0.1", "-r", "0,4", "--state", self.path("state"), "--plot", self.path("plot.png"))
        found = report["results"]
        self.assertEqual([(row["still_threshold"], row["drop_number"]) for row in found], [(0, 0), (0, 4), (0.1, 0), (0.1, 4)])
        views = {entry["video"].rsplit("/", 1)[1]: entry["views"] for entry in report["per_video"]}
        mean = (16 * views["white.mkv"] + 128 * views["snow.mkv"]) / sum(views.values())
        self.assertEqual([row["tokens_per_view"] for row in found[:2]], [128, 128])
        for row in found[2:]:
            self.assertAlmostEqual(row["tokens_per_view"], mean)
        macs = [row["gmacs_per_view"] for row in found]
        self.assertTrue(macs[0] > macs[1] > macs[3] > 0 and macs[0] > macs[2] > macs[3], macs)
        self.assertEqual({(r["still_threshold"], r["drop_number"], r["tokens_per_view"]) for entry in report["per_video"] for r in entry["results"]},
                         {(0, 0, 128), (0, 4, 128), (0.1, 0, 16), (0.1, 4, 16), (0.1, 0, 128), (0.1, 4, 128)})
        self.assertIn(" still   tokens      r      GMACs", text)
        self.assertEqual(report["settings"]["still_thresholds"], [0, 0.1])
        # The state file has what a report needs, and belongs to these thresholds.
        again, _ = self.eval("--still-threshold", "0,0.1", "-r", "0,4", "--state", self.path("state"))
        self.assertEqual(again["taken_up"], 2)
        for before, after in zip(found, again["results"], strict=True):
            self.assertAlmostEqual(before["tokens_per_view"], after["tokens_per_view"])
            self.assertAlmostEqual(before["gmacs_per_view"], after["gmacs_per_view"])
        self.assertIn("still_thresholds", self.eval("--still-threshold", "0.1", "-r", "0,4", "--state", self.path("state"), status=1).stderr)
        # Views of one pass take as many tokens as the one that changes most: one view a pass unless more are asked for.
        together, _ = self.eval("--still-threshold", "0.1", "--batch", "64")
        self.assertEqual(together["results"][0]["tokens_per_view"], 128)
        plain, text = self.eval()
        self.assertEqual((plain["results"][0]["still_threshold"], plain["results"][0]["tokens_per_view"]), (0, 128))
        self.assertNotIn("still", text)
        for wrong, says in (("0,11", "numbers from 0 (off) to 10"), ("x", "numbers from 0 (off) to 10"), ("0.1,0.1", "names 0.1 twice"),
                            ("-1,0", "names 0 twice")):
            self.assertIn(says, self.eval(f"--still-threshold={wrong}", status=2).stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
