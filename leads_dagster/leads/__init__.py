"""What a lead is: fields, headers, normalisation, matching, survivorship, reconciliation.

Pure: no input or output, no clock, no Dagster, nothing imported from the other packages but `errors`.
"""
