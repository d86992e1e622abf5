"""The command line: one verb a function, which reads its arguments and hands over to `marview.commands`."""

import enum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from marview import __version__
from marview.ending import CANCELLED, CANCELLED_SENTENCE, ended, refuse
from marview.errors import UsageError
from marview.log_file import log_to_file


class _Verbs(TyperGroup):
    """The verbs; Ctrl-C inside one, which typer would make a mere exit code of, is told from a verb that returns it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


app = typer.Typer(
    name="marview",
    cls=_Verbs,
    help="See metal in CT, watch its trace, and run any metal artifact reduction method. For research, not for "
    "diagnosis. Without a verb, marview [PATH] opens the window.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def run(arguments: list[str]) -> int:
    """Run a verb and return the exit code: 0 done, 2 usage, 3 bad input, 4 method failed, 130 cancelled.

    1 is for what nobody expected, and for a `doctor` that finds something ill.
    """
    log_to_file()
    return ended(lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    try:
        outcome = app(arguments, standalone_mode=False)
    except typer.Abort:
        return refuse(CANCELLED_SENTENCE, CANCELLED)
    except typer.TyperException as wrong:
        context = getattr(wrong, "ctx", None)  # only what concerns a verb has one
        command = context.command_path if context else "marview"
        return refuse(f"{wrong.format_message().rstrip('.')}. Say {command} --help.", UsageError.exit_code)
    return int(outcome or 0)


class Device(enum.StrEnum):
    """Where a method runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Format(enum.StrEnum):
    """What the corrected slices are written as."""

    DICOM = "dicom"
    NIFTI = "nifti"
    PNG = "png"


class Report(enum.StrEnum):
    """How a batch's summary is printed."""

    TABLE = "table"
    CSV = "csv"
    JSONL = "jsonl"


class Kind(enum.StrEnum):
    """What the demo study shows."""

    HIP = "hip"
    SPINE = "spine"
    DENTAL = "dental"


Input = Annotated[Path, typer.Argument(metavar="INPUT", help="A folder, zip, DICOM file or NIfTI file.")]
Series = Annotated[str, typer.Option(metavar="UID", help="The series to take where INPUT holds several.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON report instead of sentences.")]
Threshold = Annotated[float | None, typer.Option(metavar="HU", help="Metal is what exceeds this.")]
KMeans = Annotated[
    int | None, typer.Option("--kmeans", metavar="K", help="Metal is the densest of K classes (k-means of HU).")
]
MaskFile = Annotated[
    Path | None, typer.Option("--mask", metavar="FILE", help="Metal mask as DICOM SEG, NIfTI or NRRD.")
]
Margin = Annotated[float, typer.Option(metavar="MM", help="Grow (+) or shrink (-) the metal mask.")]

Slices = Annotated[
    str, typer.Option(metavar="A-B", help="Only these slices, counted as in the window: 12-20, 12- or 12.")
]
AcrossGaps = Annotated[
    bool, typer.Option("--across-gaps", help="Correct the slices that are there where others are missing.")
]


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(__version__)  # noqa: T201


@app.command()
def reduce(
    input_: Input,
    method: Annotated[str, typer.Option(metavar="ID", help="A method of `marview methods`.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet, or empty.")],
    threshold: Threshold = None,
    mask: MaskFile = None,
    margin: Margin = 0.0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the method; repeat.")
    ] = None,
    slices: Slices = "",
    device: Device = Device.AUTO,
    format_: Annotated[Format, typer.Option("--format")] = Format.DICOM,
    across_gaps: AcrossGaps = False,
    restore: Annotated[
        bool,
        typer.Option(help="Before the method runs, estimate dark streaks that the file cut off."),
    ] = True,
    series: Series = "",
    copy: Annotated[bool, typer.Option("--copy", help="Copy the files of a series without metal to DIR.")] = False,
    as_json: AsJson = False,
) -> int:
    """Correct the metal artifacts of a series and write the corrected series."""
    from marview.commands.metal import MaskChoice
    from marview.commands.reduce import reduce_series

    return reduce_series(
        input_,
        output,
        method=method,
        choice=MaskChoice(threshold_hu=threshold, file=mask, margin_mm=margin),
        settings=settings or [],
        slices=slices,
        device=device.value,
        format_=format_.value,
        series_uid=series,
        is_across_gaps=across_gaps,
        restores_cut_off=restore,
        as_json=as_json,
        copies_without_metal=copy,
    )


@app.command()
def batch(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="INPUT...", help="Folders, zips, DICOMDIRs and files; any number.")
    ] = None,
    method: Annotated[str, typer.Option(metavar="ID", help="A method of `marview methods`.")] = "nmar",
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the results, the job table and the summaries.")
    ] = Path("corrected"),
    jobs: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help='JSON lines, {"input": "PATH"} each: further inputs; repeat.'),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the job table in DIR.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Queue failed studies again.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print which series would be corrected; write nothing.")
    ] = False,
    workers: Annotated[
        int, typer.Option(metavar="N", min=0, help="Studies at a time; 0: as cores and memory allow.")
    ] = 0,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Use the workers of this Dask scheduler instead of this machine.")
    ] = "",
    prefer: Annotated[
        str, typer.Option(metavar="A,B", help="Which series of a study wins: thin, soft, many, in this order.")
    ] = "thin,soft,many",
    description: Annotated[
        str, typer.Option(metavar="PATTERN", help="Only series whose description contains this regular expression.")
    ] = "",
    derived: Annotated[bool, typer.Option("--derived", help="Derived series qualify too.")] = False,
    threshold: Threshold = None,
    margin: Margin = 0.0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the method; repeat.")
    ] = None,
    device: Device = Device.AUTO,
    format_: Annotated[Format, typer.Option("--format")] = Format.DICOM,
    across_gaps: AcrossGaps = False,
    report: Annotated[Report, typer.Option(help="How the summary is printed.")] = Report.TABLE,
) -> int:
    """Correct every study with metal under the inputs, without anybody watching."""
    from marview.batch.selection import SelectionRule
    from marview.commands.batch import Order, run_batch

    if not inputs and not jobs:
        raise UsageError("batch needs an INPUT or --jobs FILE.")
    order = Order(
        method=method,
        settings=tuple(settings or ()),
        threshold_hu=threshold,
        margin_mm=margin,
        device=device.value,
        format_=format_.value,
        across_gaps=across_gaps,
        rule=SelectionRule(tuple(prefer.split(",")), description, derived),
    )
    return run_batch(
        inputs or [],
        output,
        order,
        lists=jobs or [],
        workers=workers,
        scheduler=scheduler,
        is_resumed=resume,
        retries_failed=retry_failed,
        is_dry=dry_run,
        report=report.value,
    )


@app.command()
def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Studies arrive here, each as a subfolder or file.")],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the results, the job table and the summaries.")
    ],
    method: Annotated[str, typer.Option(metavar="ID", help="A method of `marview methods`.")] = "nmar",
    quiet: Annotated[
        float, typer.Option(metavar="S", min=0, help="A study is complete after this many seconds without a change.")
    ] = 60.0,
    keep_free: Annotated[
        int, typer.Option(metavar="MB", min=0, help="Take nothing new while the disk of DIR has less free space.")
    ] = 2000,
    workers: Annotated[
        int, typer.Option(metavar="N", min=0, help="Studies at a time; 0: as cores and memory allow.")
    ] = 0,
    threshold: Threshold = None,
    margin: Margin = 0.0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the method; repeat.")
    ] = None,
    device: Device = Device.AUTO,
    format_: Annotated[Format, typer.Option("--format")] = Format.DICOM,
    across_gaps: AcrossGaps = False,
) -> int:
    """Correct studies as they arrive in a folder, until stopped with Ctrl-C or SIGTERM."""
    from marview.commands.batch import Order
    from marview.commands.watch import run_watch

    order = Order(
        method=method,
        settings=tuple(settings or ()),
        threshold_hu=threshold,
        margin_mm=margin,
        device=device.value,
        format_=format_.value,
        across_gaps=across_gaps,
    )
    return run_watch(folder, output, order, quiet_s=quiet, keep_free_mb=keep_free, workers=workers)


@app.command()
def mask(
    input_: Input,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="NAME.nii.gz for NIfTI, NAME.nrrd for NRRD, NAME.dcm for DICOM SEG.")
    ],
    threshold: Threshold = None,
    kmeans: KMeans = None,
    mask: MaskFile = None,
    margin: Margin = 0.0,
    series: Series = "",
) -> None:
    """Find the metal of a series, or take it from a file, and write its mask."""
    from marview.commands.metal import MaskChoice, write_metal

    choice = MaskChoice(threshold_hu=threshold, file=mask, classes=kmeans, margin_mm=margin)
    write_metal(input_, output, choice, series)


@app.command()
def trace(
    input_: Input,
    slice_: Annotated[int, typer.Option("--slice", metavar="K", help="Slice number, counted as in the window.")],
    output: Annotated[Path, typer.Option(metavar="FILE", help="NAME.npz for the arrays, NAME.png for a picture.")],
    threshold: Threshold = None,
    kmeans: KMeans = None,
    mask: MaskFile = None,
    margin: Margin = 0.0,
    series: Series = "",
) -> None:
    """Write the sinogram of a slice and the metal trace in it."""
    from marview.commands.metal import MaskChoice
    from marview.commands.trace import write_trace

    choice = MaskChoice(threshold_hu=threshold, file=mask, classes=kmeans, margin_mm=margin)
    write_trace(input_, slice_, output, choice, series)


@app.command()
def sweep(
    input_: Input,
    method: Annotated[str, typer.Option(metavar="A,B", help="Methods of `marview methods`.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet, or empty.")],
    margins: Annotated[str, typer.Option(metavar="MM,MM,...", help="Grow (+) and shrink (-) the metal mask.")] = "",
    margins_px: Annotated[
        str, typer.Option(metavar="N,N,...", help="The same in pixels of the 416 x 416 processing grid.")
    ] = "",
    thresholds: Annotated[str, typer.Option(metavar="HU,HU,...", help="Metal is what exceeds each of these.")] = "",
    mask: MaskFile = None,
    roi: Annotated[Path | None, typer.Option(metavar="FILE", help="Mask of the region to measure in.")] = None,
    truth: Annotated[Path | None, typer.Option(metavar="TRUTH", help="The same body without metal.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the methods; repeat.")
    ] = None,
    slices: Slices = "",
    device: Device = Device.AUTO,
    across_gaps: AcrossGaps = False,
    series: Series = "",
) -> int:
    """See how the result hangs on the metal mask: methods and masks in one table, variants and their spread."""
    from marview.commands.sweep import sweep_series

    return sweep_series(
        input_,
        output,
        methods=method,
        margins=margins,
        margins_px=margins_px,
        thresholds=thresholds,
        mask=mask,
        region=roi,
        truth=truth,
        settings=settings or [],
        slices=slices,
        device=device.value,
        series_uid=series,
        is_across_gaps=across_gaps,
    )


@app.command()
def demo(
    kind: Kind = Kind.HIP,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the study is kept.")] = None,
    window: Annotated[bool, typer.Option("--window/--no-window", help="Open it in the window.")] = True,
) -> int:
    """Make, once, a study with metal whose truth is known, and open it."""
    from marview.commands.demo import demo_study

    return demo_study(kind.value, output, has_window=window)


@app.command()
def methods(
    as_json: AsJson = False,
    install: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Let its method use the weights of a run of marview train.")
    ] = None,
) -> None:
    """List the metal artifact reduction methods that are installed."""
    from marview.commands.methods import install_run, print_methods

    if install is not None:
        install_run(install)
        return
    print_methods(as_json=as_json)


@app.command()
def doctor(as_json: AsJson = False) -> int:
    """Say what works on this machine and what does not, and why."""
    from marview.commands.doctor import examine

    return examine(as_json=as_json)


@app.command()
def evaluate(
    results: Annotated[list[Path], typer.Argument(metavar="RESULT ...", help="Corrected series or volumes.")],
    truth: Annotated[Path, typer.Option(metavar="TRUTH", help="The series or volume without artifacts.")],
    mask: Annotated[
        Path | None,
        typer.Option(metavar="MASK", help="The metal, as DICOM SEG, NIfTI or NRRD; its slices and ring are measured."),
    ] = None,
    protocol: Annotated[str, typer.Option(metavar="P", help="Print the published rows of this protocol below.")] = "",
    as_json: AsJson = False,
) -> None:
    """Measure corrected volumes against their truth, in one table."""
    from marview.commands.benchmark import print_evaluation

    print_evaluation(results, truth, mask, protocol, as_json=as_json)


@app.command()
def benchmark(
    cases: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Public layout, case files, or clean slices; beside TIFF stacks an index.csv (columns file, page, "
            "patient) tells methods that learn from the scan which are of one patient.",
        ),
    ],
    method: Annotated[str, typer.Option(metavar="A,B,C", help="Methods of `marview methods`, or: learned.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Tables; an interrupted benchmark is taken up.")],
    protocol: Annotated[
        str, typer.Option(metavar="P", help="The scan; if left out that of the cases, of clean slices dudonet-640.")
    ] = "",
    masks: Annotated[Path | None, typer.Option(metavar="FILE", help="Metal shapes for clean slices.")] = None,
    material: Annotated[str, typer.Option(help="Metal in clean slices.")] = "ti",
    mismatched: Annotated[
        bool,
        typer.Option(
            "--mismatched",
            help="Scan clean slices with finer rays, detector blur and a harder beam, which no method models.",
        ),
    ] = False,
    device: Device = Device.AUTO,
) -> None:
    """Run methods on cases with known truth and print and write the tables."""
    from marview.commands.benchmark import print_benchmark

    print_benchmark(
        protocol,
        method,
        cases,
        output,
        masks=masks,
        material=material,
        is_mismatched=mismatched,
        device=device.value,
    )


class Layout(enum.StrEnum):
    """How the cases of a simulation are written."""

    CASES = "cases"
    SYNDEEPLESION = "syndeeplesion"


@app.command()
def simulate(
    clean: Annotated[Path, typer.Argument(metavar="CLEAN", help="A series without metal.")],
    implant: Annotated[str, typer.Option(metavar="NAME", help="What is put in, such as hip-bilateral.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet, or empty.")],
    material: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of all metal; what is usual if left out.")
    ] = None,
    protocol: Annotated[str, typer.Option(metavar="P", help="The scan.")] = "dudonet-640",
    slices: Slices = "",
    seed: Annotated[int, typer.Option(help="Of places and noise.")] = 0,
    layout: Annotated[Layout, typer.Option(help="Of the cases.")] = Layout.CASES,
    series: Series = "",
) -> None:
    """Put metal into a clean series and scan it: corrupted and true series, metal and cases."""
    from marview.commands.simulate import simulate_series

    simulate_series(
        clean,
        output,
        implant=implant,
        material=material,
        protocol_name=protocol,
        slices=slices,
        seed=seed,
        layout=layout.value,
        series_uid=series,
    )


@app.command()
def train(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="A learned method of `marview methods`.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the run.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Scans without metal: TIFF stacks, DICOM series, NIfTI.")
    ] = None,
    patient: Annotated[
        Path | None, typer.Option(metavar="SERIES", help="The scan whose own slices are learned from (near_hip).")
    ] = None,
    with_metal: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Scans with metal, for unpaired training (adn).")
    ] = None,
    without_metal: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Scans without metal that go with --with-metal.")
    ] = None,
    protocol: Annotated[
        list[str] | None, typer.Option(metavar="P", help="Instead of the recipe's; repeat for several.")
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="SIZE", help="Of the network: paper, bundled, tiny or another recipe of the method.")
    ] = "bundled",
    device: Device = Device.AUTO,
    max_minutes: Annotated[float | None, typer.Option(metavar="N", help="End this session after so many.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in DIR.")] = False,
    begin_with: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Weights of the method, of any size, for a new run to begin with: all whose names and shapes fit.",
        ),
    ] = None,
) -> int:
    """Train a learned method on scans without metal; Ctrl-C keeps everything."""
    from marview.commands.train import train_method

    return train_method(
        method,
        output,
        data=data,
        patient=patient,
        protocols=protocol or [],
        size=size,
        device=device.value,
        max_minutes=max_minutes,
        is_resumed=resume,
        begins_with=begin_with,
        with_metal=with_metal,
        without_metal=without_metal,
    )


class PluginKind(enum.StrEnum):
    """What a new method works on."""

    IMAGE = "image"
    SINOGRAM = "sinogram"
    LEARNED = "learned"


plugin_app = typer.Typer(help="Write, check, install and remove methods.", no_args_is_help=True)
app.add_typer(plugin_app, name="plugin")
PluginFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds plugin.toml.")]


@plugin_app.command("new")
def plugin_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Identifier: lower-case letters, digits, underscores.")],
    kind: Annotated[PluginKind, typer.Option(help="What the method works on.")] = PluginKind.IMAGE,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the folder NAME is made.")] = Path(),
) -> None:
    """Write a working method with a test, to start from."""
    from marview.commands.plugin import new_plugin

    folder = new_plugin(name, kind.value, output)
    print(f"{folder}: check it with 'marview plugin check {folder}', use it after 'marview plugin install {folder}'.")  # noqa: T201


@plugin_app.command("check")
def plugin_check(folder: PluginFolder) -> int:
    """Check manifest, imports and parameters of a method, and run it on a phantom in a process of its own."""
    from marview.commands.plugin import print_check

    return print_check(folder)


@plugin_app.command("list")
def plugin_list(as_json: AsJson = False) -> None:
    """List the installed methods, as `marview methods` does."""
    from marview.commands.methods import print_methods

    print_methods(as_json=as_json)


@plugin_app.command("install")
def plugin_install(folder: PluginFolder) -> None:
    """Copy a method to the folder of your own methods."""
    from marview.commands.plugin import install_plugin

    print(f"{install_plugin(folder)}: installed.")  # noqa: T201


@plugin_app.command("remove")
def plugin_remove(
    method: Annotated[str, typer.Argument(metavar="ID", help="A method, or trained weights, that you installed.")],
) -> None:
    """Remove one of your own methods; a bundled one with its identifier, or its earlier weights, are back."""
    from marview.commands.plugin import remove_plugin

    print(f"{remove_plugin(method)}: removed.")  # noqa: T201
