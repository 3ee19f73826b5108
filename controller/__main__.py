"""`python -m controller` is `penstock`."""

from controller.cli.main import main

if __name__ == "__main__":
    main()
