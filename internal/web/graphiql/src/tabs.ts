// The tabs of a first visit: the life of a webhook, in order. GraphiQL titles a tab by its
// operation's name.

const REGISTER = `# 1 of 4 · Register a webhook
#
# A webhook is a URL and the event types it wants;
# without "events" it gets them all. Put your own
# receiver here. It verifies signatures with the
# "secret", which is shown this once: keep it.
#
# Run with the ▶ button, or Ctrl-Enter (⌘-Enter).

mutation Register {
  createWebhook(
    input: {
      url: "https://example.com/webhooks"
      events: ["humanization.completed"]
    }
  ) {
    webhook {
      id
      url
      events
      enabled
    }
    secret
    userErrors {
      code
      message
      field
    }
  }
}
`;

const PUBLISH = `# 2 of 4 · Publish an event
#
# Something that happened: a type, and any JSON.
# The event is stored, with one delivery for each
# webhook that wants it, before the answer comes.
# A count of 0: no webhook wants this type.

mutation Publish {
  publishEvent(
    input: {
      type: "humanization.completed"
      data: { jobId: "job_1" }
    }
  ) {
    event {
      id
      deliveries {
        count {
          count
        }
      }
    }
    userErrors {
      code
      message
      field
    }
  }
}
`;

const WATCH = `# 3 of 4 · Watch live
#
# The attempts of the last 10 minutes, then each
# one the moment it is made, the newest on top,
# until you press ■. It goes on while you are in
# another tab: publish there meanwhile.
#
# A client that reconnects passes the last cursor
# as "after", and misses nothing.

subscription WatchLive {
  deliveryAttempts(since: "-PT10M") {
    cursor
    node {
      id
      number
      status
      error
      message
      startedAt
      durationMs
      delivery {
        id
        event {
          type
        }
        webhook {
          url
        }
      }
      response {
        status
      }
    }
  }
}
`;

const INSPECT = `# 4 of 4 · Inspect failures
#
# FAILED: given up after the last retry.
# PENDING: due or being retried; its last attempt
# says what went wrong so far.

query InspectFailures {
  deliveries(
    first: 20
    filter: { statuses: [FAILED, PENDING] }
  ) {
    nodes {
      id
      status
      attemptCount
      event {
        type
      }
      webhookUrl
      lastAttempt {
        status
        error
        message
        response {
          status
          body
        }
      }
    }
  }
}
`;

export const DEFAULT_TABS = [REGISTER, PUBLISH, WATCH, INSPECT].map((query) => ({ query }));
