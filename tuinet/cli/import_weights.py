"""`tuinet import`: weights of another program made a model."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("import", short_help="Make a model of another program's weights.")
@click.argument("weights", type=click.Path(path_type=Path))
@click.option(
    "--spec", required=True, type=click.Path(path_type=Path), metavar="FILE.toml", help="What the network is."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="MODEL", help="Where to write.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(weights: Path, spec: Path, output: Path, as_json: bool) -> None:
    """Make a model of WEIGHTS, a .safetensors or .npz file, and the network that a TOML file describes.

    \b
      name = "digits"
      input = { shape = [28, 28], prepare = [{ kind = "scale", divisor = 255.0 }] }
      output = { labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }
      model.layers = [
          { kind = "conv2d", filters = 8, kernel = 3 }, { kind = "relu" },
          { kind = "flatten" }, { kind = "dense", units = 10 },
      ]

    Layers are those of an experiment file. Tensors are taken in natural order, or as [names] says:
    "conv1/weight" = "features.0.weight". Their axes are PyTorch's unless weights.layout = "tuinet". If anything does
    not fit, is missing or is left over, nothing is written, and both lists are shown.
    """
    from tuinet.cli.output import spare, write_facts, write_json, write_table
    from tuinet.errors import TuinetError
    from tuinet.experiment.foreign import import_weights, load_spec
    from tuinet.files.find import SUFFIX
    from tuinet.files.model_file import save_model
    from tuinet.files.tensors import open_weights
    from tuinet.readable import printable

    if output.suffix.lower() != SUFFIX:
        raise TuinetError(f"{output}: a model is written as a {SUFFIX} file", f"End its name in {SUFFIX}.")
    spare(output, weights, spec)
    described = load_spec(spec)
    with open_weights(weights) as file:
        model, pairs = import_weights(described, file)
    save_model(model, output)
    if as_json:
        made = [{"parameter": pair.parameter, "tensors": pair.tensors} for pair in pairs]
        write_json({"model": str(output), "parameters": model.parameter_count, "made": made})
        return
    rows = [
        (
            pair.parameter,
            "×".join(map(str, model.params[pair.parameter].shape)),
            " + ".join(map(printable, pair.tensors)),
        )
        for pair in pairs
    ]
    write_table(("parameter", "shape", "tensors"), rows)
    click.echo()
    write_facts([("wrote", output), ("parameters", f"{model.parameter_count:,}")])
