"""SDP, the transport file of RTP: the model, reading, writing, and what it means to IS-04 and IS-05.

model.py      a session description as frozen dataclasses
parse.py      text → Session, from any vendor's file
write.py      Session → text
describe.py   IS-04 resources and active transport parameters → Session (formats.py: a rule per media type)
transport.py  Session → a receiver's transport parameters (paths.py: which streams are the legs)
facts.py      Session → media type, audio format, and the facts that capabilities are matched with
"""
