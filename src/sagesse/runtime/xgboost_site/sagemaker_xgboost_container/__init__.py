"""The parts of the XGBoost image's package that its users' scripts import: ``data_utils`` and ``distributed``.

The names and what they mean are those of the image's documentation and examples; the code is ours.
"""
