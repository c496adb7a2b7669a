"""One page that holds a report: of runs, diagnoses, denoisers and studies, each of them in sections.

`subjects.KINDS` says what may be reported on, `sections.SECTIONS` what is told of it: a new one is one function and one
row. A section is made of blocks (`blocks`), each with a template of its own; the page is put together by `assemble`.
"""

from nrgan.reports.page.assemble import Report, report

__all__ = ["Report", "report"]
