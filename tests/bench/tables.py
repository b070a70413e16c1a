"""What compare.py measured, as Markdown tables."""
import sides

NAMES = {"train_lipschitz": "Lipschitz", "train_standard": "standard", "evaluate": "evaluation"}
DIRECTIONS = ("forward", "weight_gradient", "both_gradients")


def table(head, rows):
    """Lines of one table; the first column is text."""
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "--:|" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def comparison(measured, level):
    any_model = next(iter(measured["models"].values()))["one_thread"]
    yield f"Images/s, kernel level {level} ({any_model['cpu_class']}), median of {measured['rounds']} rounds:\n"
    rows = []
    for model, extents in measured["models"].items():
        for phase in sides.PHASES:
            row = [f"{model}, batch {extents['one_thread']['batch']}, {NAMES[phase]}"]
            for extent in extents.values():
                figures = extent["phases"][phase]
                row += [f"{figures['lipsweep']:,}", f"{figures['pytorch']:,}", f"{figures['ratio']:.2f}"]
            rows.append(row)
    head = ["", "one thread: lipsweep", "PyTorch", "ratio", "machine: lipsweep", "PyTorch", "ratio"]
    yield from table(head[:len(rows[0])], rows)
    yield from configurations(measured)


def configurations(measured):
    """Every way to use the whole machine, ours alone."""
    rows = []
    for model, extents in measured["models"].items():
        for name, rates in extents.get("machine", {}).get("configurations", {}).items():
            if name.startswith("lipsweep"):
                rows.append([f"{model}, {name.removeprefix('lipsweep ')}", *(f"{rates[p]:,}" for p in sides.PHASES)])
    if rows:
        yield "lipsweep on the whole machine, processes x threads:\n"
        yield from table(["", *NAMES.values()], rows)


def kernels(measured, level):
    yield (f"One thread, kernel level {level}, FMA peak {measured['peak_gflops']:.0f} GFLOP/s, copying "
           f"{measured['copy_gbytes']:.0f} GB/s; GFLOP/s counted as direct convolution (share of the peak):\n")
    rows = []
    for layer in measured["layers"]:
        row = [layer["layer"], f"{layer['mflop_an_image']:.2f}", f"{layer['kbytes_an_image']:.0f}"]
        for direction in DIRECTIONS:
            figures = layer.get(direction)
            row.append(f"{figures['gflops']:.0f} ({figures['share_of_peak']:.0%})" if figures else "")
        rows.append(row)
    yield from table(["layer", "MFLOP an image", "KB an image", "forward", "weight gradient", "both gradients"], rows)


def profile(measured, level):
    yield f"CPU time of one thread, kernel level {level}, µs an image:\n"
    rows = []
    phases = next(iter(measured.values()))["evaluate"]
    for model, kinds in measured.items():
        for kind, name in NAMES.items():
            rows.append([f"{model}, {name}", *(f"{kinds[kind][phase]:.1f}" for phase in phases)])
    yield from table(["", *phases], rows)


def whole_job(measured):
    medians = measured["median"]
    yield (f"mnist job of {measured['epochs']} epochs with its noisy test, {measured['slots']} slots busy, seconds: "
           + ", ".join(f"{name.removesuffix('_s').replace('_', ' ')} {seconds:.2f}" for name, seconds in medians.items())
           + f"; neither training nor evaluation: {measured['share_outside']:.1%} of the wall time of all slots.\n")


def everything(result):
    """All lines, of whatever was measured."""
    yield result["machine"] + "\n"
    for level, measured in result["levels"].items():
        for name, lines in (("comparison", comparison), ("kernels", kernels), ("profile", profile)):
            if name in measured:
                yield from lines(measured[name], level)
    if "whole_job" in result:
        yield from whole_job(result["whole_job"])
