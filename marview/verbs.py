"""Names and descriptions of the commands, kept here so that listing them does not load other modules."""

VERBS = {
    "reduce": "Correct the metal artifacts of a series and write the corrected series.",
    "batch": "Find studies in the inputs and correct all that contain metal, without prompts.",
    "watch": "Correct studies as they arrive in a folder, until stopped with Ctrl-C or SIGTERM.",
    "mask": "Find the metal in a series, or read a mask from a file, and write the metal mask.",
    "trace": "Write the sinogram of a slice and its metal trace, as arrays or as an image.",
    "sweep": "Compare methods and metal masks in one table, to show how the result depends on the mask.",
    "demo": "Simulate a study with metal and known ground truth, and open it; later calls open the same study.",
    "simulate": "Insert metal into a clean series and simulate its scan, with known ground truth.",
    "evaluate": "Compare corrected volumes with the ground truth, in one table.",
    "benchmark": "Run methods on cases with known ground truth, then print the result tables and write them to files.",
    "study": "Let readers rate corrected slices without knowing the method, and summarise their grades.",
    "train": "Train a method; Ctrl-C stops and saves the run.",
    "methods": "List the installed methods, or show the parameters of one.",
    "plugin": "Write, check, install and remove methods.",
    "doctor": "Check this machine, the installed methods and their weights.",
}
