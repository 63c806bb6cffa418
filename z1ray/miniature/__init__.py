"""The miniature: a base model small enough to be pretrained from nothing on two cores, and how it is made."""
