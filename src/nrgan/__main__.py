"""python -m nrgan"""

from nrgan.start import main

if __name__ == "__main__":
    main()
