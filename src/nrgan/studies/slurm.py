"""A table as an array of jobs of Slurm: a script to look at, to change, and to hand to sbatch."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence

from nrgan.studies.names import safe_name

_SCRIPT = """#!/bin/bash
# {title}: {count} runs, a job each. Hand it in with: sbatch THIS_FILE
# What a cluster wants beside it, such as --partition, --account or --gres=gpu:1, goes here or after sbatch.
#SBATCH --job-name={name}
#SBATCH --array=1-{count}
#SBATCH --time=04:00:00
#SBATCH --cpus-per-task={cpus}
#SBATCH --requeue
#SBATCH --signal={signal}@120
#SBATCH --open-mode=append
#SBATCH --output={name}-%A_%a.log

# two minutes before the time is up the run saves itself, and ends with {stopped}: then it is put into the queue again
srun {command} --cell "$SLURM_ARRAY_TASK_ID/{count}"
code=$?
if [ "$code" -eq {stopped} ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
exit "$code"
"""


def slurm_script(title: str, name: str, count: int, arguments: Sequence[str], cpus: int = 4) -> str:
    """The script of a table of `count` runs.

    arguments: those of the command that makes the table, without a choice of runs. Each job makes a run, from its last
    checkpoint on where it was begun; once all are done, the command itself writes the table.
    """
    return _SCRIPT.format(
        title=" ".join(title.split()),
        name=f"nrgan-{safe_name(name)}",
        count=count,
        cpus=cpus,
        signal=signal.SIGTERM.name.removeprefix("SIG"),
        stopped=128 + signal.SIGTERM,
        command=shlex.join(["nrgan", *arguments]),
    )
