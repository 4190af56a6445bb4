"""The figures. A family is a file here: its ROWS say what stands in the table, and `take(lab)` measures
them once, each row beside its own ceiling, and gives back {key: sample}. A new family is added to
FAMILIES in ../bench.py."""
