"""The released GPT-SoVITS families at work: their files, their large companions, and the same verbs as nano.

The networks themselves are those of `gsv_lab.nn`; nothing here is needed to understand them.
"""
