# SPDX-License-Identifier: MIT
# Checks that the commands of the README and of documents work as they are printed. Every line of their shell blocks is
# one of these:
#   a pipeline: must parse (elements and properties exist and link); if it plays a shipped clip into a fakesink, it is
#   played
#   a `sta` command: cheap ones are run; for the others, the options are checked
#   a script of this tree: must be there, and executable
#   a program of the build folder: the build must know it
#   any other program: must be installed
# Runs with the system's Python, because that one has GStreamer's bindings. Exit status 77 = skipped.
#
#   test_document_commands.py BUILD-FOLDER
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENTS = ('README.md', 'docs/elements.md', 'docs/live.md', 'docs/pruning.md', 'docs/measured.md', 'docs/CONTRIBUTING.md')
# These take minutes on purpose (bench), or label a video with a model that may not be shipped.
LONG_COMMANDS = ('bench', 'classify', 'run')


def commands(text):
    """Lines of the ```sh blocks, continued lines joined, comments gone."""
    for block in re.findall(r'^```(?:sh|bash)\n(.*?)^```', text, re.MULTILINE | re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            words = shlex.split(line, comments=True)
            while words and re.match(r'[A-Z_]+=', words[0]):
                words = words[1:]
            if words:
                yield tuple(words)


def pipeline_fault(words):
    import gi
    gi.require_version('Gst', '1.0')
    from gi.repository import GLib, Gst
    Gst.init(None)
    description = [word for word in words[1:] if not re.fullmatch(r'-[a-z]+', word)]
    if '|' in description:
        description = description[:description.index('|')]
    try:
        Gst.parse_launchv(description)
    except GLib.Error as error:
        return f'does not parse: {error.message}'
    clip = next((word.partition('=')[2] for word in description if word.startswith('location=media/')), None)
    if clip is None or description[-1] != 'fakesink':
        return None
    if not os.path.exists(clip):
        return f'{clip} is not shipped'
    model = next((word.partition('=')[2] for word in description if word.startswith('model=')), None)
    if model and not os.path.exists(model):
        print(f'not played, {model} is not here: {shlex.join(words)}')
        return None
    return run_fault(words)


def run_fault(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=240, check=False)
    return f'ended with status {done.returncode}: {done.stdout[-2000:]}' if done.returncode else None


def sta_fault(words):
    help_text = subprocess.run(['sta', words[1], '--help'], stdout=subprocess.PIPE, text=True, check=False)
    if help_text.returncode:
        return f'there is no command sta {words[1]}'
    for option in (word.partition('=')[0] for word in words[2:] if word.startswith('--')):
        if not re.search(rf'{re.escape(option)}\b', help_text.stdout):
            return f'sta {words[1]} has no option {option}'
    missing = [word for word in words[2:] if word.startswith('models/') and not os.path.exists(word)]
    return None if words[1] in LONG_COMMANDS or missing else run_fault(words)


def built_fault(program):
    """Checks build/FOLDER/NAME. Benches are an option of the build, so the program itself need not be there."""
    folder, name = os.path.split(program.partition('/')[2])
    with open(os.path.join(TREE, folder, 'meson.build'), encoding='utf-8') as file:
        return None if f"'{name}'" in file.read() else f'{folder}/meson.build has no {name}'


def fault(words):
    """Why a command is wrong, or None."""
    if words[0] == 'gst-launch-1.0':
        return pipeline_fault(words)
    if words[0] == 'sta':
        return sta_fault(words)
    if words[0].startswith('build/'):
        return built_fault(words[0])
    script = words[1] if words[0] == 'python3' else words[0]
    if '/' in script:
        return None if os.access(os.path.join(TREE, script), os.X_OK) else 'there is no such script'
    return None if shutil.which(script) else 'there is no such program'


def main():
    if not all(os.path.exists(os.path.join(TREE, name)) for name in DOCUMENTS):
        print('SKIP: the documents are not there')
        sys.exit(77)
    os.environ['PATH'] = os.path.join(sys.argv[1], 'apps') + os.pathsep + os.environ['PATH']
    found = {}  # command -> the document that has it first
    for name in DOCUMENTS:
        with open(os.path.join(TREE, name), encoding='utf-8') as file:
            for words in commands(file.read()):
                found.setdefault(words, name)
    # Runs outside the tree, which may be read-only, in a folder that has the folders the commands name.
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in ('media', 'models', 'pipelines', 'scripts', 'tests'):
            if os.path.isdir(os.path.join(TREE, name)):
                os.symlink(os.path.join(TREE, name), name)
        wrong = [(words, problem) for words in found for problem in [fault(words)] if problem]
    for words, problem in wrong:
        print(f'{found[words]}: {shlex.join(words)}\n    {problem}')
    print(f'{len(found)} commands, {len(wrong)} wrong')
    sys.exit(1 if wrong or not found else 0)


if __name__ == '__main__':
    main()
