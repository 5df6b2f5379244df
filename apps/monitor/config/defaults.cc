// SPDX-License-Identifier: MIT
#include "monitor/config/reader.h"

namespace sta::monitor {

const char *defaultsText() {
  return R"yaml(# Every key of sta-monitor with its default. Durations and sizes have units; ${NAME} is replaced by an environment variable.
http:
  listen: 127.0.0.1:8090      # another address than loopback needs a token
  # token: "${STA_TOKEN}"     # asked for by the page and the REST interface

# mqtt:
#   url: mqtt://127.0.0.1:1883   # or mqtts://USER:PASSWORD@HOST:8883
#   user: ""
#   password: "${MQTT_PASSWORD}"
#   ca-file: ""                  # certificate authority of mqtts; unset: those of the system
#   client-id: sta-monitor       # two monitors on one broker need two
#   prefix: sta                  # what topics begin with
#   home-assistant: false        # announce cameras to Home Assistant
#   discovery-prefix: homeassistant

# fleet:                         # many machines share the cameras of one registry; "cameras" of this file is not used then
#   url: nats://127.0.0.1:4222   # or tls://…; more of them behind commas
#   name: ""                     # of this node; unset: the name of the machine
#   capacity: 32                 # cameras; unset: eight for each core
#   on-partition: stop           # without NATS: stop (no camera is ever watched twice), or keep (rather twice than not at all)
#   user: ""                     # unset: STA_FLEET_USER
#   password: "${NATS_PASSWORD}" # unset: STA_FLEET_PASSWORD
#   credentials: ""              # a file; unset: STA_FLEET_CREDENTIALS
#   ca-file: ""                  # certificate authority of tls; unset: STA_FLEET_CA, else those of the system
#   replicas: 3                  # of what NATS keeps; unset: 3 in a cluster, else 1

storage:
  folder: sta-monitor-data    # relative to this file
  keep: 14d                   # older events and clips are deleted
  at-most: 20GB               # the oldest clips are deleted when there is more
  keep-free: 500MB            # recording pauses when the disk has less

defaults:                     # for all cameras; each can say otherwise
  transport: tcp              # of rtsp: tcp or udp
  # importance: 50            # 0 to 100; a fleet that has too much to do gives the least important away first
  record: false               # or true, or { before: 5s, after: 10s, at-most: 5min, on: [covered] }
  watch:
    - model: camera-watch     # an installed model, or the path of a model folder
      # name: camera-watch    # in topics and events
      # device: auto          # cpu, cuda, cuda:N
      # drop-number: 0        # tokens dropped per group by STA; auto: as many as keep up
      # still-threshold: 0    # tokens that change less are dropped, so that cost follows motion; unset: the model's, else 0
      # enter-threshold: 0.5  # unset: the model's
      # exit-threshold: 0.4
      # min-duration: 1s
      # release-duration: 0s
      # smoothing: 1          # windows
      # hop: 400ms            # from one window to the next; unset: a quarter of a window
      # classes: []           # labels that can be events; unset: all but the background
      # background: steady    # unset: the model's

cameras:
  try-me:
    uri: test://ball          # rtsp://USER:PASSWORD@HOST/PATH, http://…, file:///…, v4l2:///dev/video0
    # user: ""                # instead of USER and PASSWORD in the address
    # password: "${CAM_PASSWORD}"
    # loop: false             # a file begins again at its end
)yaml";
}

}  // namespace sta::monitor
