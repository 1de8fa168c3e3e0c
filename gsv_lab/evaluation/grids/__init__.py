"""Grids of ablations: a base and its overlays, trained with several seeds, measured on the same clips, compared.

A grid has **arms**, an ablation at a level with a seed. An arm is a chain of **cells**, one for each stage of the base;
a cell is one training and what was measured of it. Arms share the cells in which they do not differ. `gsv-lab ablate`.
"""
