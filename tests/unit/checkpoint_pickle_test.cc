// SPDX-License-Identifier: MIT
// Tests the pickle reader alone. Every protocol must give the same values, and nothing may be called. Whatever bytes it
// gets, it must end with a value or an error, soon and with little memory.
#include <gtest/gtest.h>

#include "checkpoint/formats/mapped_file.h"
#include "checkpoint/formats/pickle.h"
#include "checkpoint/formats/zip_archive.h"
#include "support/golden.h"

namespace {

using sta::pickle::Graph;
using sta::pickle::Kind;
using sta::pickle::Value;

std::span<const uint8_t> span(const std::string &bytes) { return {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}; }

std::string from_hex(const std::string &hex) {
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2) out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

std::string error(const std::string &bytes) {
  auto graph = sta::pickle::parse(span(bytes));
  return graph ? "(parsed)" : graph.error().message;
}

// {'a': [1, -2, 300, 70000, 2.5, None, True, (1, 2, 3)], 'big': 2**70, 'b': b'\x00\xff', 'name': 'täst'}, as CPython
// writes it.
TEST(Pickle, EveryProtocolGivesTheSameValues) {
  for (const auto &[protocol, hex] :
       std::map<int, std::string>{{0,
                                   "286470300a56610a70310a286c70320a49310a61492d320a61493330300a614937303030300a6146322e350a614e614930310a612849310a4"
                                   "9320a49330a7470330a6173566269"
                                   "670a70340a4c313138303539313632303731373431313330333432344c0a7356620a70350a635f636f646563730a656e636f64650a70360a2"
                                   "8565c7530303030ff0a70370a56"
                                   "6c6174696e310a70380a7470390a527031300a73566e616d650a7031310a5674e473740a7031320a732e"},
                                  {2,
                                   "80027d71002858010000006171015d7102284b014afeffffff4d2c014a701101004740040000000000004e884b014b024b038771036558030"
                                   "0000062696771048a0900000000"
                                   "00000000405801000000627105635f636f646563730a656e636f64650a7106580300000000c3bf710758060000006c6174696e31710886710"
                                   "952710a58040000006e616d65"
                                   "710b580500000074c3a47374710c752e"},
                                  {4,
                                   "80049558000000000000007d94288c0161945d94284b014afeffffff4d2c014a701101004740040000000000004e884b014b024b038794658"
                                   "c03626967948a09000000000000"
                                   "0000408c016294430200ff948c046e616d65948c0574c3a4737494752e"},
                                  {5,
                                   "80059558000000000000007d94288c0161945d94284b014afeffffff4d2c014a701101004740040000000000004e884b014b024b038794658"
                                   "c03626967948a09000000000000"
                                   "0000408c016294430200ff948c046e616d65948c0574c3a4737494752e"}}) {
    const std::string bytes = from_hex(hex);
    auto graph = sta::pickle::parse(span(bytes));
    ASSERT_TRUE(graph) << protocol << ": " << graph.error().message;
    EXPECT_EQ((*graph)->size, bytes.size());
    const Value &root = *(*graph)->root;
    ASSERT_TRUE(root.is(Kind::kDict));
    EXPECT_EQ(root.items.size(), 8u);
    const Value *list = root.find("a");
    ASSERT_TRUE(list && list->is(Kind::kList)) << protocol;
    ASSERT_EQ(list->items.size(), 8u);
    const int64_t integers[] = {1, -2, 300, 70000};
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(list->items[i]->integer, integers[i]);
    EXPECT_EQ(list->items[4]->real, 2.5);
    EXPECT_TRUE(list->items[5]->is(Kind::kNone));
    EXPECT_TRUE(list->items[6]->is(Kind::kBool) && list->items[6]->integer == 1) << protocol;
    EXPECT_EQ(list->items[7]->items.size(), 3u);
    EXPECT_TRUE(root.find("name")->is(Kind::kString));
    EXPECT_EQ(root.find("nothing"), nullptr);
    if (protocol == 2) {
      EXPECT_TRUE(root.find("big")->is(Kind::kBigInt));
      const Value *encoded = root.find("b");  // _codecs.encode('\x00ÿ', 'latin1'), named but not called
      ASSERT_TRUE(encoded->is(Kind::kObject));
      EXPECT_EQ(encoded->callee->text, "_codecs.encode");
      EXPECT_EQ(encoded->args->items[1]->text, "latin1");
    }
    if (protocol == 4) {
      EXPECT_EQ(root.find("b")->text, std::string_view("\x00\xff", 2));
    }
  }
}

TEST(Pickle, TheLastOfEqualKeysHolds) {
  const std::string bytes("\x80\x02}(X\x01\x00\x00\x00kK\x01X\x01\x00\x00\x00kK\x02u.", 23);
  auto graph = sta::pickle::parse(span(bytes));
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ((*graph)->root->find("k")->integer, 2);
}

TEST(Pickle, CyclesAndDepthAreValues) {
  EXPECT_EQ(error(from_hex("80025d71006800612e")), "(parsed)");  // l = []; l.append(l)
  // ((((...)))) a million deep: a chain in the arena, taken down without recursion.
  EXPECT_EQ(error("\x80\x02N" + std::string(1'000'000, '\x85') + "."), "(parsed)");
}

TEST(Pickle, LimitsHold) {
  EXPECT_NE(error("\x80\x02" + std::string(3'000'000, 'N') + ".").find("more values"), std::string::npos);
  EXPECT_NE(error("\x80\x02Nq" + std::string(1, '\0') + std::string(3'000'000, '2') + ".").find("more values"), std::string::npos);
  EXPECT_NE(error("\x80\x02" + std::string(30'000, '(') + ".").find("nested too deeply"), std::string::npos);
}

TEST(Pickle, DangerousCallsAreRefusedHoweverTheyAreNamed) {
  auto sized = [](const std::string &s) { return std::string("\x8c") + static_cast<char>(s.size()) + s; };
  for (const auto &[module, name] : {std::pair<std::string, std::string>{"os", "system"},
                                     {"posix", "system"},
                                     {"nt", "system"},
                                     {"subprocess", "Popen"},
                                     {"builtins", "eval"},
                                     {"__builtin__", "exec"},
                                     {"builtins", "__import__"},
                                     {"runpy", "run_path"},
                                     {"importlib", "import_module"},
                                     {"os.path", "join"}}) {
    const std::string says = "refused: pickle wants to call " + module + "." + name;
    EXPECT_EQ(error("c" + module + "\n" + name + "\n(S'x'\ntR."), says);                                // GLOBAL, REDUCE
    EXPECT_EQ(error("(S'x'\ni" + module + "\n" + name + "\n."), says);                                  // INST
    EXPECT_EQ(error("(c" + module + "\n" + name + "\nS'x'\no."), says);                                 // OBJ
    EXPECT_EQ(error("\x80\x04" + sized(module) + sized(name) + "\x93" + sized("x") + "\x85R."), says);  // STACK_GLOBAL
    EXPECT_EQ(error("c" + module + "\n" + name + "\n."), says) << "even if only named";
  }
  // Names that checkpoints really contain.
  for (const char *harmless :
       {"__builtin__\nset", "builtins\ngetattr", "argparse\nNamespace", "numpy\ndtype", "pathlib\nPosixPath", "codecs\nencode"})
    EXPECT_EQ(error(std::string("c") + harmless + "\n)R."), "(parsed)") << harmless;
}

TEST(Pickle, ControlCharactersDoNotReachTheTerminal) {
  const std::string message = error("cos\n\x1b[2Jsystem\n.");
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_NE(message.find("refused"), std::string::npos);
}

TEST(Pickle, MalformedOnesAreErrors) {
  for (const std::string &bytes : {std::string(),
                                   std::string("\x80", 1),
                                   std::string("\x80\x09N."),
                                   std::string("\x80\x02"),
                                   std::string("\x80\x02N"),
                                   std::string("."),
                                   std::string("R."),
                                   std::string("N)R."),
                                   std::string("cm\nn\nNR."),
                                   std::string("a."),
                                   std::string("]a."),
                                   std::string("Ne."),
                                   std::string("(Ne."),
                                   std::string("}Ns."),
                                   std::string("}(Nu."),
                                   std::string("(Nd."),
                                   std::string("t."),
                                   std::string("h\x05."),
                                   std::string("q\x00.", 3),
                                   std::string("\x85."),
                                   std::string("N\x86."),
                                   std::string("(\x85."),
                                   std::string("X\xff\xff\xff\xffx."),
                                   std::string("\x8e\xff\xff\xff\xff\xff\xff\xff\xffx."),
                                   std::string("\x8b\xff\xff\xff\xff."),
                                   std::string("\x8a\x08\x01."),
                                   std::string("I1"),
                                   std::string("cos"),
                                   std::string("S'x\n."),
                                   std::string("S\n."),
                                   std::string("NNb."),
                                   std::string("NN\x93."),
                                   std::string("(o."),
                                   std::string("Q."),
                                   std::string("\xff."),
                                   std::string("P1\n."),
                                   std::string("(.")})
    EXPECT_NE(error(bytes).find("malformed pickle"), std::string::npos) << testing::PrintToString(bytes) << ": " << error(bytes);
}

// Repeatable damage to a real pickle: an error or a value, never a crash (the sanitizers see faults that do not crash).
TEST(Pickle, DamagedBytesNeverCrash) {
  auto file = sta::MappedFile::open(golden::made("checkpoints/micro_deepspeed_fp16.pth"));
  ASSERT_TRUE(file);
  auto entries = sta::read_zip(**file);
  ASSERT_TRUE(entries);
  const auto pickle = entries->at("micro_deepspeed_fp16/data.pkl").bytes;
  const std::string good(reinterpret_cast<const char *>(pickle.data()), pickle.size());
  ASSERT_EQ(error(good), "(parsed)");
  int parsed = 0;
  for (uint64_t i = 0; i < 5000; ++i) {
    std::string broken = good;
    for (uint64_t k = 0; k < 1 + i % 4; ++k) broken[golden::word(i, 2 * k) % broken.size()] = static_cast<char>(golden::word(i, 2 * k + 1));
    parsed += error(broken) == "(parsed)";
  }
  EXPECT_GT(parsed, 0);
  EXPECT_LT(parsed, 5000);
  for (size_t size = 0; size < good.size(); size += 7) EXPECT_NE(error(good.substr(0, size)), "(parsed)") << size;
}

}  // namespace
