"""Exchange between authorities over mutual TLS: a general channel, selective messages, what persons may ask.

Whatever has to reach another authority is a letter in the outbox, written in the transaction of its act; the
other side takes each letter once and gives a signed acknowledgement.
"""
