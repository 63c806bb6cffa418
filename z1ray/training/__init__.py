"""dataset -> checkpoint: tokenize, loss, the ZeRO-3 loop, export."""
