# A machine with systemd and the unit: what the image holds, installed as npm would.
FROM worker:develop
USER root
RUN apt-get update && apt-get install --yes --no-install-recommends systemd && rm -rf /var/lib/apt/lists/*
RUN rm -r /var/lib/orb-worker \
  && cp /opt/orb-worker/packaging/systemd/orb-worker.service /etc/systemd/system/ \
  && mkdir /etc/orb-worker /etc/systemd/system/orb-worker.service.d \
  && echo ORB_WORKER_DRY_RUN=true > /etc/orb-worker/orb-worker.env \
  && printf '[Service]\nWatchdogSec=3s\n' > /etc/systemd/system/orb-worker.service.d/impatient.conf \
  && systemctl enable orb-worker
WORKDIR /
ENTRYPOINT ["/lib/systemd/systemd"]
