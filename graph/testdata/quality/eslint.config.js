import graphql from '@graphql-eslint/eslint-plugin';

const { 'flat/schema-recommended': recommended, 'flat/schema-relay': relay } = graphql.configs;

export default [
  {
    files: ['schema.graphql'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: 'schema.graphql' } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...recommended.rules,
      ...relay.rules,

      // Stricter than recommended: everything says what it is, not types alone.
      '@graphql-eslint/require-description': [
        'error',
        {
          types: true,
          rootField: true,
          DirectiveDefinition: true,
          EnumValueDefinition: true,
          FieldDefinition: true,
          InputValueDefinition: true,
        },
      ],
      // A description begins with a capital letter and ends as a sentence does.
      'no-restricted-syntax': [
        'error',
        { selector: '[description.value=/^[^A-Z]/]', message: 'A description begins with a capital letter.' },
        { selector: '[description.value=/[^.]$/]', message: 'A description ends with a full stop.' },
      ],
      // An event type is what it says.
      '@graphql-eslint/naming-convention': [
        'error',
        {
          ...recommended.rules['@graphql-eslint/naming-convention'][1],
          'ObjectTypeDefinition,ObjectTypeExtension': { forbiddenPrefixes: ['Type'], forbiddenSuffixes: ['Type'], ignorePattern: '^EventType$' },
        },
      ],
      // Each mutation has one argument `input` and answers an object. (TestInputNames checks its type, of which this rule allows no exception.)
      '@graphql-eslint/input-name': ['error', { checkInputType: false }],
      '@graphql-eslint/no-scalar-result-type-on-mutation': 'error',
      // A number that is a count is named so wherever it stands, also in the object that says how precise it is.
      '@graphql-eslint/no-typename-prefix': 'off',

      // An id is for what can be fetched again by `node`, and what a client's cache keeps once. These are parts of such
      // a thing, or of one answer, and have no life of their own.
      '@graphql-eslint/strict-id-in-types': [
        'error',
        {
          exceptions: {
            suffixes: ['Connection', 'Edge', 'Payload'],
            types: [
              'AttemptRequest', // of a DeliveryAttempt, like the next two
              'AttemptResponse',
              'AttemptTimings',
              'AuditActor', // of an AuditEntry, like the next
              'AuditChange',
              'Backlog', // at the time, of Stats or of a WebhookHealth
              'Count', // of a list, at the time
              'DeliveryFacets', // likewise, and their values
              'FacetValue',
              'EventTypeChange', // of an ImportEventTypesPayload
              'FailureExplanation', // of a DeliveryAttempt
              'Header', // a name and a value
              'PageInfo',
              'PublishEventResult', // of a PublishEventsPayload
              'DeliveryPreview', // of a delivery that does not exist, and its part
              'PreviewRequest',
              'RecentMatches',
              'SignatureReport', // of a request, and its parts
              'SignatureCause',
              'ReplayPreview', // of a replay that does not exist yet, and its parts
              'SchemaError', // of an Event
              'Server', // the one that answers
              'ServerLimits', // of a Server
              'ServerNode', // of a Server, by its number
              'ServerCheck', // of a Server, by its name
              'ServerTask', // of a Server, by its name
              'Stats', // of a range, and their parts
              'StatsBucket',
              'StatsGroup',
              'StatsGroups',
              'StatsValues',
              'AuditLogChange', 'IssuesChange', // messages of streams
              'DeliveryChange', 'StreamedAttempt', // an edge of a list without an end
              'TenantQuotas', // of a Tenant, like the next
              'TenantUsage',
              'UserError',
              'WebhookCount', // of a ReplayPreview
              'WebhookHealth', // of a Webhook
              'WebhookMatch', // of an Event and a Webhook
              'WebhookAuthentication', // of a Webhook, like the next four
              'WebhookBasicAuthentication',
              'WebhookClientCertificate',
              'WebhookOAuth2Authentication',
              'WebhookOAuth2Parameter',
              'WebhookHeader', // of a Webhook, whose header has one value for each name
              'Viewer', // one for each call; its token has an id
            ],
          },
        },
      ],
      // Short lists that are never paged are lists: a webhook's event types, an attempt's headers, `userErrors`. And
      // `nodes` stands beside `edges`, for whoever needs no cursor of each element. (TestEdgesHaveNodes checks that nodes of edges implement Node, of
      // which this rule allows no exception.)
      '@graphql-eslint/relay-edge-types': [
        'error',
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
    },
  },
];
