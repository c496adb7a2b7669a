"""python -m nrgan"""

from nrgan.cli import main

if __name__ == "__main__":
    main()
