"""The exports of the programs that people keep leads in, header by header."""

from __future__ import annotations

import pytest

from leads_dagster.leads.headers import map_headers

# Of each export: the header, what its columns become ("label > target" or "label > target rank"), in sheet order.
# Columns not named are kept in raw_data.
EXPORTS: dict[str, tuple[str, str]] = {
    "Outlook": (
        "Title,First Name,Middle Name,Last Name,Suffix,Company,Department,Job Title,Business Street,Business Street 2,"
        "Business City,Business State,Business Postal Code,Business Country/Region,Home Street,Home City,Home State,"
        "Home Postal Code,Home Country/Region,Other Street,Other City,Assistant's Phone,Business Fax,Business Phone,"
        "Business Phone 2,Callback,Car Phone,Company Main Phone,Home Fax,Home Phone,ISDN,Mobile Phone,Other Fax,"
        "Other Phone,Pager,Primary Phone,Radio Phone,TTY/TDD Phone,Telex,Account,Anniversary,Assistant's Name,"
        "Billing Information,Birthday,Business Address PO Box,E-mail Address,E-mail Type,E-mail Display Name,"
        "E-mail 2 Address,E-mail 2 Type,E-mail 3 Address,Gender,Government ID Number,Initials,Keywords,Language,"
        "Manager's Name,Notes,Office Location,Organizational ID Number,Private,Referred By,Spouse,User 1,Web Page",
        "Title > name_prefix|First Name > first_name|Middle Name > middle_name|Last Name > last_name|"
        "Suffix > name_suffix|Company > company|Job Title > title|Business Street > street|Business City > city|"
        "Business State > region|Business Postal Code > postal_code|Business Country/Region > country|"
        "Home Street > street 10|Home City > city 10|Home State > region 10|Home Postal Code > postal_code 10|"
        "Home Country/Region > country 10|Other Street > street 20|Other City > city 20|Business Phone > phone|"
        "Business Phone 2 > phone 2|Car Phone > phone 6|Company Main Phone > phone 4|Home Phone > phone 5|"
        "Mobile Phone > phone 3|Other Phone > phone 7|Primary Phone > phone 1|Account > company 1|"
        "Birthday > birth_date|"
        "E-mail Address > email|E-mail 2 Address > email 1|E-mail 3 Address > email 2|Notes > notes|"
        "Office Location > location|Web Page > website",
    ),
    "Google Contacts": (
        "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Last Name,Name Prefix,Name Suffix,Nickname,"
        "File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,Labels,"
        "E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,"
        "Address 1 - Label,Address 1 - Formatted,Address 1 - Street,Address 1 - City,Address 1 - PO Box,"
        "Address 1 - Region,Address 1 - Postal Code,Address 1 - Country,Website 1 - Label,Website 1 - Value",
        "First Name > first_name|Middle Name > middle_name|Last Name > last_name|Name Prefix > name_prefix|"
        "Name Suffix > name_suffix|File As > full_name|Organization Name > company|Organization Title > title|"
        "Birthday > birth_date|"
        "Notes > notes|E-mail 1 - Value > email|E-mail 2 - Value > email 1|Phone 1 - Value > phone|"
        "Address 1 - Formatted > location|Address 1 - Street > street|Address 1 - City > city|"
        "Address 1 - Region > region|Address 1 - Postal Code > postal_code|Address 1 - Country > country|"
        "Website 1 - Value > website",
    ),
    "Google Contacts before 2024": (
        "Name,Given Name,Additional Name,Family Name,Yomi Name,Given Name Yomi,Name Prefix,Name Suffix,Initials,"
        "Nickname,Short Name,Maiden Name,Birthday,Gender,Billing Information,Occupation,Notes,Language,Photo,"
        "Group Membership,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,Organization 1 - Type,"
        "Organization 1 - Name,Organization 1 - Yomi Name,Organization 1 - Title,Organization 1 - Department,"
        "Organization 2 - Name,Relation 1 - Value",
        "Name > full_name|Given Name > first_name|Additional Name > middle_name|Family Name > last_name|"
        "Name Prefix > name_prefix|Name Suffix > name_suffix|Birthday > birth_date|"
        "Occupation > title 1|Notes > notes|"
        "E-mail 1 - Value > email|Phone 1 - Value > phone|Organization 1 - Name > company|"
        "Organization 1 - Title > title",
    ),
    "Thunderbird": (
        "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Screen Name,Work Phone,Home Phone,"
        "Fax Number,Pager Number,Mobile Number,Home Address,Home Address 2,Home City,Home State,Home ZipCode,"
        "Home Country,Work Address,Work Address 2,Work City,Work State,Work ZipCode,Work Country,Job Title,Department,"
        "Organization,Web Page 1,Web Page 2,Birth Year,Birth Month,Birth Day,Custom 1,Notes",
        "First Name > first_name|Last Name > last_name|Display Name > full_name|Primary Email > email|"
        "Secondary Email > email 1|Work Phone > phone|Home Phone > phone 2|Mobile Number > phone 1|"
        "Home Address > street 10|Home City > city 10|Home State > region 10|Home ZipCode > postal_code 10|"
        "Home Country > country 10|Work Address > street|Work City > city|Work State > region|"
        "Work ZipCode > postal_code|Work Country > country|Job Title > title|Organization > company|"
        "Web Page 1 > website|Web Page 2 > website 1|Birth Day > birth_date|Notes > notes",
    ),
    "Apollo": (
        "First Name,Last Name,Title,Company,Company Name for Emails,Email,Email Status,Primary Email Source,"
        "Email Confidence,Seniority,Departments,Contact Owner,Work Direct Phone,Home Phone,Mobile Phone,"
        "Corporate Phone,Other Phone,Stage,Lists,Last Contacted,Account Owner,# Employees,Industry,Keywords,"
        "Person Linkedin Url,Website,Company Linkedin Url,Facebook Url,Twitter Url,City,State,Country,Company Address,"
        "Company City,Company State,Company Country,Company Phone,Technologies,Annual Revenue,Subsidiary of,"
        "Email Sent,Apollo Contact Id,Apollo Account Id,Secondary Email,Secondary Email Source,Tertiary Email",
        "First Name > first_name|Last Name > last_name|Title > title|Company > company|Email > email|"
        "Work Direct Phone > phone|Home Phone > phone 4|Mobile Phone > phone 1|Corporate Phone > phone 2|"
        "Other Phone > phone 5|Stage > status|# Employees > company_size|Industry > industry|"
        "Person Linkedin Url > linkedin_url|Website > website|City > city|State > region|Country > country|"
        "Company Address > street 10|Company City > city 10|Company State > region 10|Company Country > country 10|"
        "Company Phone > phone 3|Apollo Contact Id > row_id|Secondary Email > email 1|Tertiary Email > email 2",
    ),
    "Zoho": (
        "Record Id,Lead Owner.id,Lead Owner,Company,First Name,Last Name,Designation,Email,Phone,Fax,Mobile,Website,"
        "Lead Source,Lead Status,Industry,No. of Employees,Annual Revenue,Rating,Created By.id,Created By,Modified By,"
        "Created Time,Salutation,Secondary Email,Skype ID,Twitter,Street,City,State,Zip Code,Country,Description,"
        "Email Opt Out,Tag",
        "Record Id > row_id|Company > company|First Name > first_name|Last Name > last_name|Designation > title|"
        "Email > email|Phone > phone|Mobile > phone 1|Website > website|Lead Source > source|Lead Status > status|"
        "Industry > industry|No. of Employees > company_size|Salutation > name_prefix|Secondary Email > email 1|"
        "Street > street|City > city|State > region|Zip Code > postal_code|Country > country|Description > notes",
    ),
    "Pipedrive people": (
        "Person - ID,Person - Name,Person - First name,Person - Last name,Person - Organization,"
        "Person - Organization ID,Person - Phone - Work,Person - Phone - Home,Person - Phone - Mobile,"
        "Person - Phone - Other,Person - Email - Work,Person - Email - Home,Person - Email - Other,Person - Owner,"
        "Person - Open deals,Person - Person created,Person - Postal address,Person - Job title",
        "Person - ID > row_id|Person - Name > full_name|Person - First name > first_name|"
        "Person - Last name > last_name|Person - Organization > company|Person - Phone - Work > phone|"
        "Person - Phone - Home > phone 2|Person - Phone - Mobile > phone 1|Person - Phone - Other > phone 3|"
        "Person - Email - Work > email|Person - Email - Home > email 1|Person - Email - Other > email 2|"
        "Person - Postal address > location|Person - Job title > title",
    ),
    "Pipedrive leads": (
        "Lead - Title,Lead - Value,Lead - Owner,Lead - Source,Lead - Labels,Person - Name,Person - Email - Work,"
        "Person - Phone - Work,Organization - Name,Organization - Address,Deal - Title",
        "Lead - Source > source|Person - Name > full_name|Person - Email - Work > email|Person - Phone - Work > phone|"
        "Organization - Name > company|Organization - Address > location",
    ),
    "Salesforce contacts": (
        "Id,IsDeleted,MasterRecordId,AccountId,LastName,FirstName,Salutation,Name,OtherStreet,OtherCity,MailingStreet,"
        "MailingCity,MailingState,MailingPostalCode,MailingCountry,Phone,Fax,MobilePhone,HomePhone,OtherPhone,"
        "AssistantPhone,ReportsToId,Email,Title,Department,AssistantName,LeadSource,Birthdate,Description,OwnerId,"
        "CreatedDate,CreatedById,Linkedin_Url__c",
        "Id > row_id|LastName > last_name|FirstName > first_name|Salutation > name_prefix|Name > full_name|"
        "OtherStreet > street 10|OtherCity > city 10|MailingStreet > street|MailingCity > city|MailingState > region|"
        "MailingPostalCode > postal_code|MailingCountry > country|Phone > phone|MobilePhone > phone 1|"
        "HomePhone > phone 2|OtherPhone > phone 3|Email > email|Title > title|LeadSource > source|"
        "Birthdate > birth_date|Description > notes|Linkedin_Url__c > linkedin_url",
    ),
    "Salesforce contact report": (
        "Contact Owner,Account Owner,Account Name,Title,Salutation,First Name,Last Name,Mailing Street,Mailing City,"
        "Mailing State/Province,Mailing Zip/Postal Code,Mailing Country,Phone,Mobile,Email,Lead Source,Parent Account",
        "Account Name > company|Title > title|Salutation > name_prefix|First Name > first_name|Last Name > last_name|"
        "Mailing Street > street|Mailing City > city|Mailing State/Province > region|"
        "Mailing Zip/Postal Code > postal_code|Mailing Country > country|Phone > phone|Mobile > phone 1|"
        "Email > email|Lead Source > source",
    ),
    "Salesforce leads": (
        "ID,ISDELETED,LASTNAME,FIRSTNAME,SALUTATION,NAME,TITLE,COMPANY,STREET,CITY,STATE,POSTALCODE,COUNTRY,PHONE,"
        "MOBILEPHONE,FAX,EMAIL,WEBSITE,DESCRIPTION,LEADSOURCE,STATUS,INDUSTRY,RATING,ANNUALREVENUE,NUMBEROFEMPLOYEES,"
        "OWNERID,ISCONVERTED",
        "ID > row_id|LASTNAME > last_name|FIRSTNAME > first_name|SALUTATION > name_prefix|NAME > full_name|"
        "TITLE > title|COMPANY > company|STREET > street|CITY > city|STATE > region|POSTALCODE > postal_code|"
        "COUNTRY > country|PHONE > phone|MOBILEPHONE > phone 1|EMAIL > email|WEBSITE > website|DESCRIPTION > notes|"
        "LEADSOURCE > source|STATUS > status|INDUSTRY > industry|NUMBEROFEMPLOYEES > company_size",
    ),
    "HubSpot contacts": (
        "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner,Associated Company,"
        "Associated Company IDs,Lead Status,Marketing contact status,Create Date,Last Activity Date,Job Title,"
        "Company Name,Website URL,Street Address,City,State/Region,Postal Code,Country/Region,Industry,"
        "Number of Employees,LinkedIn URL,Lifecycle Stage,Original Source,Time Zone,Work email",
        "Record ID > row_id|First Name > first_name|Last Name > last_name|Email > email|Phone Number > phone|"
        "Mobile Phone Number > phone 1|Associated Company > company 1|Lead Status > status|Job Title > title|"
        "Company Name > company|Website URL > website|Street Address > street|City > city|State/Region > region|"
        "Postal Code > postal_code|Country/Region > country|Industry > industry|Number of Employees > company_size|"
        "LinkedIn URL > linkedin_url|Lifecycle Stage > status 1|Original Source > source|Work email > email 1",
    ),
    "HubSpot companies": (
        "Record ID,Company name,Company owner,Create Date,Phone Number,Last Activity Date,City,Country/Region,Industry",
        "Record ID > row_id|Company name > company|Phone Number > phone|City > city|Country/Region > country|"
        "Industry > industry",
    ),
    "LinkedIn Sales Navigator": (
        "profileUrl,fullName,firstName,lastName,companyName,title,companyId,companyUrl,summary,industry,"
        "companyLocation,location,durationInRole,connectionDegree,name,vmid,linkedInProfileUrl,isPremium,query,"
        "timestamp,defaultProfileUrl",
        "profileUrl > linkedin_url|fullName > full_name|firstName > first_name|lastName > last_name|"
        "companyName > company|title > title|companyUrl > website|industry > industry|companyLocation > location 1|"
        "location > location|name > full_name 1|vmid > row_id|linkedInProfileUrl > linkedin_url 1|"
        "defaultProfileUrl > linkedin_url 2",
    ),
}


@pytest.mark.parametrize("program", EXPORTS)
def test_an_export_is_mapped_exactly(program: str) -> None:
    header, expected = EXPORTS[program]
    columns = [column for column in map_headers(header.split(",")).columns if column.target]
    found = [f"{c.label} > {c.target}" + (f" {c.rank}" if c.rank else "") for c in columns]
    assert found == expected.split("|")


def test_the_table_names_every_program_that_is_promised() -> None:
    promised = ("HubSpot", "Salesforce", "Apollo", "LinkedIn", "Google Contacts", "Outlook", "Pipedrive", "Zoho")
    assert all(any(program.startswith(name) for program in EXPORTS) for name in promised)
