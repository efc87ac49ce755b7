"""`python -m amiss` is `amiss`."""

from amiss.cli.main import main

if __name__ == "__main__":
    main()
