"""IS-05, the Connection API: what a PATCH means, what ``auto`` becomes, when an activation happens, and its routes.

endpoint.py       the senders and receivers that can be connected, from the configuration
state.py          the shapes of /staged and /active, and of what the store keeps of them
schemas.py        what a request must look like       constraints.py   what each leg may be set to now
patch.py          a request merged into /staged       resolve.py       ``auto`` becomes an address, a port
activator.py      the desired state made active       schedule.py      which activation is due when
connections.py    the service that does it all        receiverfile.py  an SDP given to a receiver
transportfile.py  a sender's SDP                      api.py           the routes, v1.0 and v1.1
groups.py         which groups ``auto`` gave out
sdp/              transport files read and written
"""
