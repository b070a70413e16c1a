#!/usr/bin/env python3
"""The paper's accuracies as a file that `lipsweep import` takes.

    sweeps/paper-tables.py --dataset cifar10 -o paper-cifar10.csv
    lipsweep import paper-cifar10.csv --db paper.db
    lipsweep sensitivity paper-cifar10 --metric accuracy@0.1 --db paper.db

paper-tables.csv holds the 255 numbers of Tables 2 to 8 of Usama and Chang, Towards Robust Neural Networks with Lipschitz
Continuity (arXiv 1811.09008): one training a cell. What is done to them:

- The rows of standard training stand in every table, once for each of its columns: 72 cells repeat another one. They are
  compared and left out; a repetition that differs is an error.
- The values of lambda are lost. It rises from Table 4 over 3 to 5, and from Table 7 over 6 to 8: labels in this order.
- The header that would say which of K and sigma stands in the rows (0.01 and 0.1) and which in the columns is lost too.
  --reading k-columns (default): rows are sigma. --reading sigma-columns: the other way round. A conclusion about either
  holds only if it holds under both readings.
- Test noise: 0, 0.1, 0.2 for the three groups of CIFAR-10 and STL-10, and 0, 0.4, 0.7 for MNIST, are our reading.
"""

import argparse
import csv
import pathlib
import sys

COLUMNS = ("table", "dataset", "arch", "training", "row_index", "row_label", "distortion_index", "col_in_group", "acc", "unit")
TABLES = {"cifar10": ("4", "3", "5"), "stl10": ("7", "6", "8"), "mnist": ("2",)}   # lambda rises
MODELS = {"ResNet-20": "resnet20", "PreResNet-20": "preresnet20", "PreResNet-32": "preresnet32", "CNN-1conv-1fc": "mnist-cnn"}
NOISE = {"cifar10": ("0", "0.1", "0.2"), "stl10": ("0", "0.1", "0.2"), "mnist": ("0", "0.4", "0.7")}
LONG_FORM = ("dataset", "model", "lambda", "k", "sigma", "seed", "test_sigma", "accuracy")


def fail(text):
    sys.exit(f"paper-tables: {text}")


def read(path):
    """The cells, with the line each is from."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            fail(f"{path}: there is no column {', '.join(sorted(missing))}")
        return [dict(row, line=reader.line_num) for row in reader]


def accuracy_of(cell, path):
    """As a share, in the digits that were printed."""
    try:
        value = float(cell["acc"]) / {"percent": 100, "fraction": 1}[cell["unit"]]
    except (ValueError, KeyError):
        fail(f"{path}:{cell['line']}: accuracy {cell['acc']} {cell['unit']}")
    return f"{value:.4f}"


def long_form(cell, dataset, reading, path):
    """One row for import, and the order of its lambda."""
    row = {"dataset": dataset, "model": MODELS[cell["arch"]], "seed": "", "accuracy": accuracy_of(cell, path),
           "test_sigma": NOISE[dataset][int(cell["distortion_index"]) - 1]}
    if cell["training"] == "standard":
        return row | {"lambda": "0", "k": "", "sigma": ""}
    in_rows, in_columns = ("sigma", "k") if reading == "k-columns" else ("k", "sigma")
    if dataset == "mnist":   # three rows without labels, and no columns: labels where the others have them
        return row | {"lambda": "T2", in_rows: "", in_columns: "row " + cell["row_index"]}
    return row | {"lambda": "T" + cell["table"], in_rows: cell["row_label"], in_columns: "column " + cell["col_in_group"]}


def convert(cells, datasets, reading, path):
    """Each row once, lambda ascending; and how many cells repeated one."""
    rows, repeated = {}, 0
    order = [(dataset, table) for dataset in datasets for table in TABLES[dataset]]
    for dataset, table in order:
        for cell in (cell for cell in cells if cell["table"] == table):
            row = long_form(cell, dataset, reading, path)
            key = tuple(row[name] for name in LONG_FORM[:-1])
            before = rows.setdefault(key, row)
            if before is not row:
                repeated += 1
            if before["accuracy"] != row["accuracy"]:
                fail(f"{path}:{cell['line']}: {row['accuracy']}, but {before['accuracy']} where the same was printed before")
    return list(rows.values()), repeated


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=TABLES, action="append", help="may be said more than once; default: all")
    parser.add_argument("--reading", choices=("k-columns", "sigma-columns"), default="k-columns")
    parser.add_argument("-o", "--output", default="-", help="the file to write (default: standard output)")
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).with_name("paper-tables.csv"))
    options = parser.parse_args()
    datasets = list(dict.fromkeys(options.dataset or TABLES))
    cells = read(options.file)
    rows, repeated = convert(cells, datasets, options.reading, options.file)
    with (sys.stdout if options.output == "-" else open(options.output, "w", newline="", encoding="utf-8")) as file:
        writer = csv.DictWriter(file, LONG_FORM, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows) + repeated} cells, {repeated} of them repeat another one: {len(rows)} rows", file=sys.stderr)


if __name__ == "__main__":
    main()
