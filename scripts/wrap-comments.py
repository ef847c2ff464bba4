#!/usr/bin/env python3
"""Breaks comment paragraphs that run beyond the page, which rustfmt leaves alone.

Only paragraphs with a line that is too long are touched; code blocks, tables and comments behind code stay.

    scripts/wrap-comments.py [FILE...]      without files: every .rs file of the tree
"""

import pathlib
import re
import sys

PAGE = 110
COMMENT = re.compile(r"^(\s*)(//[!/]?)( ?)(.*)$")
BULLET = re.compile(r"^\s*(- |\d+\. )")


def own_line(text):
    """Whether a comment line begins something of its own instead of going on with a paragraph."""
    return not text.strip() or BULLET.match(text) or text.lstrip().startswith(("```", "#", "|", ">", "SAFETY"))


def wrapped(prefix, text):
    indent = re.match(r"^\s*(?:- |\d+\. )?", text).group(0)
    lines, line = [], prefix + " " + indent
    empty = True
    for word in text[len(indent):].split():
        if not empty and len(line) + 1 + len(word) > PAGE:
            lines.append(line)
            line, empty = prefix + " " + " " * len(indent), True
        line += ("" if empty else " ") + word
        empty = False
    return lines + [line]


def wrap(lines):
    out, at, in_block = [], 0, False
    while at < len(lines):
        match = COMMENT.match(lines[at])
        if match and match.group(4).startswith("```"):
            in_block = not in_block
        elif not match:
            in_block = False
        if not match or in_block or len(lines[at]) <= PAGE or match.group(4).lstrip().startswith("|"):
            out.append(lines[at])
            at += 1
            continue
        prefix, text = match.group(1) + match.group(2), match.group(4)
        at += 1
        while at < len(lines):
            more = COMMENT.match(lines[at])
            if not more or more.group(1) + more.group(2) != prefix or own_line(more.group(4)):
                break
            text += " " + more.group(4).strip()
            at += 1
        out += wrapped(prefix, text)
    return out


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    files = [pathlib.Path(name) for name in sys.argv[1:]]
    files = files or [f for d in ("src", "tests", "examples") for f in sorted((root / d).rglob("*.rs"))]
    for file in files:
        before = file.read_text()
        after = "\n".join(wrap(before.split("\n")))
        if after != before:
            file.write_text(after)
            print(f"wrapped comments of {file}")


if __name__ == "__main__":
    main()
