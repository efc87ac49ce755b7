class PlainTable:
    pass
