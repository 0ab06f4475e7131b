"""Run the command line as `python -m iam_ra`."""

from iam_ra.cli import main

if __name__ == "__main__":
    main()
