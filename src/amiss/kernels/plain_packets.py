"""x"""


def dissect_plainly(*a):
    raise NotImplementedError


def packets_plainly(*a):
    raise NotImplementedError


def questions_plainly(*a):
    raise NotImplementedError
