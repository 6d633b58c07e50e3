"""The blocks of the validity report: tables of predictions and outcomes in, statuses out.

Each module holds one block (A to I) of the report. A block takes pandas frames that
``footfall_lab.validation`` prepared, never the world itself, and says ``pass``, ``amber``, ``red``
or ``not run`` with the measures that it rests on.
"""
