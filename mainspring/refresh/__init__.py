"""The whole road from a wish to a better version, or to the reasons why not, as a row that moves from stage to stage."""
