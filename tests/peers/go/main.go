// Drives a simulated organisation with Genesys' own Go SDK and prints what the SDK saw, as JSON.
// Usage: main <url>
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"

	"github.com/mypurecloud/platform-client-sdk-go/v165/platformclientv2"
)

type seen struct {
	Organization string   `json:"organization"`
	Products     int      `json:"products"`
	Flows        []string `json:"flows"`
	LockedBy     string   `json:"lockedBy"`
	Published    string   `json:"published"`
	Removed      int      `json:"removed"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	config := platformclientv2.NewConfiguration()
	config.BasePath = os.Args[1]
	check(config.AuthorizeClientCredentials("penstock", "penstock-secret"))
	architect := platformclientv2.NewArchitectApiWithConfig(config)

	organization, _, err := platformclientv2.NewOrganizationApiWithConfig(config).GetOrganizationsMe()
	check(err)
	products, _, err := platformclientv2.NewAuthorizationApiWithConfig(config).GetAuthorizationProducts()
	check(err)
	listing, _, err := architect.GetFlows(nil, 1, 100, "", "", nil, "", "", "", "", "", "", "", "", false, false, false, "", "", nil)
	check(err)

	ids := map[string]string{}
	names := []string{}
	for _, flow := range *listing.Entities {
		ids[*flow.Name] = *flow.Id
		names = append(names, *flow.Name)
	}
	sort.Strings(names)

	locked, _, err := architect.PostFlowsActionsCheckout(ids["Spare"])
	check(err)
	_, _, err = architect.PostFlowsActionsUnlock(ids["Spare"])
	check(err)
	flow, _, err := architect.GetFlow(ids["Spare"], false)
	check(err)
	_, err = architect.DeleteFlow(ids["Spare"])
	check(err)
	_, gone, _ := architect.GetFlow(ids["Spare"], false)

	check(json.NewEncoder(os.Stdout).Encode(seen{
		Organization: *organization.Name,
		Products:     *products.Total,
		Flows:        names,
		LockedBy:     *locked.LockedClient.Name,
		Published:    *flow.PublishedVersion.Id,
		Removed:      gone.StatusCode,
	}))
}
