#!/usr/bin/python3
"""Takes the rows of a results file of scripts/test-faults over into docs/RELIABILITY.md: table.py [RESULTS [PAGE]]

Rows that the file does not have stay as they are, and so do rows that could not be run there: the page keeps the latest figure."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN, END = "<!-- faults: tests/faults/table.py -->\n", "<!-- end of faults -->\n"
HEAD = "| # | fault | figure | verdict | control | date, commit |\n|---|---|---|---|---|---|\n"


def read_results(path):
    """Row number -> its line of the table."""
    with open(path, encoding="utf-8") as file:
        first, _, *lines = file.read().splitlines()
    _, date, _, commit, *rest = first.split()
    extent = "quick" if "--quick" in rest else "whole"
    rows = {}
    for line in lines:
        number, name, figure, verdict, control, _ = line.split("\t")
        if verdict != "NOT RUN":
            figure = figure.replace("|", "\\|")
            rows[number] = f"| {int(number)} | {name} | {figure} | {verdict} | {control} | {date}, {commit}, {extent} |\n"
    return rows


def main():
    results = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../build/faults/results.tsv")
    page = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "../../docs/RELIABILITY.md")
    with open(page, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    table, after = rest.split(END)
    rows = {f"{int(line.split('|')[1]):02d}": line for line in table.splitlines(keepends=True)[2:] if line.strip()}
    rows.update(read_results(results))
    with open(page, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + HEAD + "".join(rows[number] for number in sorted(rows)) + END + after)


if __name__ == "__main__":
    main()
