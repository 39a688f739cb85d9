"""What is known of the items of a catalogue before anybody has asked for anything."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from chatrec.catalog import Catalog


def trait_rows(catalog: Catalog) -> csr_matrix:
    """(N, traits) float32, rows of length 1: an item's tags and people, weighted by their rarity (idf)."""
    rows, columns, weights, width = [], [], [], 0
    for slot in catalog.schema.slots.values():
        for owners in catalog.values(slot.name).values() if slot.type in ("tags", "people") else ():
            rows.append(owners)
            columns.append(np.full(len(owners), width))
            weights.append(np.full(len(owners), np.log(1 + len(catalog) / len(owners))))
            width += 1
    if not width:
        return csr_matrix((len(catalog), 1), dtype=np.float32)
    row, column, weight = (np.concatenate(part) for part in (rows, columns, weights))
    matrix = csr_matrix((weight.astype(np.float32), (row, column)), shape=(len(catalog), width))
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A[:, 0]
    return csr_matrix(matrix.multiply(1 / np.maximum(lengths, 1e-6)[:, None]), dtype=np.float32)


def prior(catalog: Catalog) -> dict[str, np.ndarray]:
    """What does not depend on the query: popularity, reception (the median where unknown), values per tag slot."""
    known = catalog.reception[~np.isnan(catalog.reception)]
    prior = {
        "popularity": catalog.popularity,
        "reception": np.nan_to_num(catalog.reception, nan=float(np.median(known)) if len(known) else 0.0),
    }
    for slot in catalog.schema.slots.values():
        if slot.type == "tags":
            counts = np.zeros(len(catalog))
            for owners in catalog.values(slot.name).values():
                counts[owners] += 1
            prior[f"number of {slot.name}"] = counts
    return prior
